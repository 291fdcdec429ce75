/** The order of units as text: a tree for people, DOT for Graphviz. Pure. */
import type { StartGraph, StartUnit } from "./start-graph.ts";

/**
 * Each unit once, below the last of those that it starts after; what it starts after besides is said.
 * A container stands by its name, another unit with its ending.
 */
export function drawTree({ units }: StartGraph): string[] {
  const parents = new Map(units.map(({ unit, after }) => [unit, after.at(-1)?.unit]));
  const draw = (unit: StartUnit, { first, rest }: { first: string; rest: string }): string[] => {
    const children = units.filter((other) => parents.get(other.unit) === unit.unit);
    return [
      `${first}${labelOf(unit)} (${unit.state})${relationOf(unit, units)}`,
      ...children.flatMap((child, at) => {
        const isLast = at === children.length - 1;
        return draw(child, {
          first: `${rest}${isLast ? "└─ " : "├─ "}`,
          rest: `${rest}${isLast ? "   " : "│  "}`,
        });
      }),
    ];
  };
  return units
    .filter(({ unit }) => parents.get(unit) === undefined)
    .flatMap((root) => draw(root, { first: "", rest: "" }));
}

function relationOf({ after }: StartUnit, units: readonly StartUnit[]): string {
  const words = [...after].reverse().map(({ unit, strength }) => {
    const name = labelOf(units.find((other) => other.unit === unit) ?? { unit, container: false });
    return strength === "after" ? `after ${name}` : `after ${name}, which it ${strength}`;
  });
  return words.length > 0 ? ` ${words.join("; ")}` : "";
}

/** Earlier units to the left; an arrow goes from the earlier to the later. */
export function drawDot({ units }: StartGraph): string[] {
  const styles = { after: "dotted", wants: "solid", requires: "bold" };
  return [
    "digraph berth {",
    "  rankdir=LR;",
    '  node [shape=box, fontname="sans-serif"];',
    ...units.map(
      (unit) =>
        `  ${quote(unit.unit)} [label=${quote(labelOf(unit))}${unit.container ? ", style=bold" : ""}];`,
    ),
    ...units.flatMap(({ unit, after }) =>
      after.map(
        ({ unit: earlier, strength }) =>
          `  ${quote(earlier)} -> ${quote(unit)} [label=${quote(strength)}, style=${styles[strength]}];`,
      ),
    ),
    "}",
  ];
}

export function labelOf({ unit, container }: Pick<StartUnit, "unit" | "container">): string {
  return container ? unit.replace(/\.service$/, "") : unit;
}

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
