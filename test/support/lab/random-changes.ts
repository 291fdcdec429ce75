/** Changes of containers at random, and what is installed after each. Pure. */
import { draw } from "../kill-points.ts";
import { pageVersions } from "./vm-images.ts";

/** By name: the version that runs, and the one before it. */
export type Installed = Readonly<Record<string, { version: number; previous?: number | undefined }>>;

export interface Change {
  argv: string[];
  after: Installed;
}

/** Its containers, each under a runtime of its own. */
export const runtimes: Readonly<Record<string, string>> = { one: "runc", two: "systemd" };

/** A series of changes that all can be made, one after the other, drawn by a seed. */
export function drawChanges(
  before: Installed,
  { count, seed }: { count: number; seed: number },
): readonly Change[] {
  const numbers = draw(2 ** 30, { count: 3 * count, seed });
  const changes: Change[] = [];
  for (let at = 0; at < numbers.length; at += 3) {
    const last = changes.at(-1)?.after ?? before;
    changes.push(nextChange(last, numbers.slice(at, at + 3)));
  }
  return changes;
}

function nextChange(before: Installed, [whose = 0, which = 0, what = 0]: readonly number[]): Change {
  const name = pick(Object.keys(runtimes), whose);
  const current = before[name];
  const version = pick(
    pageVersions.filter((each) => each !== current?.version),
    what,
  );
  if (current === undefined) {
    const argv = ["install", pageOf(version), "--name", name, "--runtime", runtimes[name] ?? ""];
    return { argv, after: { ...before, [name]: { version } } };
  }
  const { previous } = current;
  const verb = pick(["update", "update", "update", "rollback", "rollback", "uninstall"], which);
  if (verb === "uninstall") {
    const { [name]: _, ...after } = before;
    return { argv: ["uninstall", name], after };
  }
  if (verb === "rollback" && previous !== undefined) {
    const argv = ["rollback", name, "--watch", "0"];
    return { argv, after: { ...before, [name]: { version: previous, previous: current.version } } };
  }
  const argv = ["update", name, "--rebase", pageOf(version), "--watch", "0"];
  return { argv, after: { ...before, [name]: { version, previous: current.version } } };
}

export function pageOf(version: number): string {
  return `oci:/opt/images/page-${version}:latest`;
}

function pick<T>(from: readonly T[], number: number): T {
  const picked = from[number % from.length];
  if (picked === undefined) throw new Error("there is nothing to choose from");
  return picked;
}
