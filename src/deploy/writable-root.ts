/**
 * A root file system that the container can write to: an overlay on the checkout, mounted by a unit of its own, so that it
 * is one thing for all runtimes. The checkout, and with it the store, is never written. Pure.
 */

import { Failure } from "../errors.ts";
import type { Directive } from "../runtime/runtime.ts";
import { quotePath, quotePathValue, quoteValue } from "../unit/quote.ts";

/** What is written stays as long as the deployment, or until the service stops. */
export type Writable = "keep" | "discard";

export interface WritableRoot {
  /** Where the overlay is mounted, the container's root. */
  path: string;
  /** The names and texts of its units. */
  units: { name: string; text: string }[];
  /** To be made in the deployment; `like` is a directory of the checkout that gives owner and mode. */
  directories: { name: string; like?: string }[];
}

const LAYERS = { lower: "rootfs", upper: "upper", work: "work", merged: "root" };

export function writableRoot(
  writable: Writable,
  { name, dir, state, lower }: { name: string; dir: string; state: string; lower?: string | undefined },
): WritableRoot {
  const path = `${dir}/${LAYERS.merged}`;
  const service = `${name}.service`;
  const emptied = `${name}-discard.service`;
  const discards = writable === "discard";
  const mount = unitText({
    Unit: [
      ["Description", quoteValue(`Writable root of ${service}`)],
      ["RequiresMountsFor", [state, ...(lower === undefined ? [] : [lower])].map(quotePath).join(" ")],
      // It comes and goes with the service: nothing lies below it that somebody else would need.
      ["StopWhenUnneeded", "yes"],
      // What is started how often is the service's affair.
      ["StartLimitIntervalSec", "0"],
      ...(discards
        ? ([
            ["PartOf", service],
            ["Requires", emptied],
            ["After", emptied],
          ] as const)
        : []),
    ],
    Mount: [
      ["What", "overlay"],
      ["Where", quotePathValue(path)],
      ["Type", "overlay"],
      ["Options", overlayOptions(dir, lower).replaceAll("%", "%%")],
    ],
  });
  const units = [{ name: mountUnitName(path), text: mount }];
  if (discards) units.push({ name: emptied, text: discardUnit({ name, dir, state }) });
  return {
    path,
    units,
    directories: [{ name: LAYERS.upper, like: "/" }, { name: LAYERS.work }, { name: LAYERS.merged }],
  };
}

/** What mount(8) is told of the overlay of the deployment in `dir`; `lower` is its root file system where that is elsewhere. */
export function overlayOptions(dir: string, lower = `${dir}/${LAYERS.lower}`): string {
  const layers = { lower, upper: `${dir}/${LAYERS.upper}`, work: `${dir}/${LAYERS.work}` };
  return Object.entries(layers)
    .map(([layer, path]) => `${layer}dir=${overlayPath(path)}`)
    .join(",");
}

function discardUnit({ name, dir, state }: { name: string; dir: string; state: string }): string {
  return unitText({
    Unit: [
      ["Description", quoteValue(`Discards what ${name}.service wrote to its root`)],
      ["StartLimitIntervalSec", "0"],
      ["RequiresMountsFor", quotePath(state)],
    ],
    Service: [
      ["Type", "oneshot"],
      ["ExecStart", `/usr/bin/find ${quotePath(`${dir}/${LAYERS.upper}`)} -mindepth 1 -delete`],
    ],
  });
}

function unitText(sections: Record<string, readonly Directive[]>): string {
  const blocks = Object.entries(sections).map(
    ([section, lines]) => `[${section}]\n${lines.map(([key, value]) => `${key}=${value}\n`).join("")}`,
  );
  return `# Written by berth for this deployment and replaced by the next one.\n${blocks.join("\n")}`;
}

/** As systemd-escape(1) --path does it. UNIT_INVALID for a path whose unit would have too long a name. */
export function mountUnitName(path: string): string {
  const bytes = Buffer.from(path.slice(1));
  let name = "";
  for (const [at, byte] of bytes.entries()) {
    const char = String.fromCharCode(byte);
    if (char === "/") name += "-";
    else if (/[A-Za-z0-9:_]/.test(char) || (char === "." && at > 0)) name += char;
    else name += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  if (name.length > 249) {
    throw new Failure("UNIT_INVALID", `no mount unit can be named for ${path}: the name would be too long`, {
      hint: "give the container a shorter name with --name",
    });
  }
  return `${name}.mount`;
}

/** overlayfs reads `:` and `,` as separators and unescapes a backslash. */
function overlayPath(path: string): string {
  return path.replaceAll(/[\\:,]/g, "\\$&");
}
