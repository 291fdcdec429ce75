/** Names of containers: what they may be, and which exclude each other on disk. */
import { Failure } from "../errors.ts";

/** NAME.N, NAME.N.tmp and NAME.N.old are the deployments of NAME. */
const DEPLOYMENT = /^(.+)\.(\d+)(?:\.(?:tmp|old))?$/;

/**
 * A container's name is the name of its unit, of its directories and of its container for a runtime, so it is what all of
 * them allow: letters, digits, `_`, `-`, `.`, not beginning with `-` or `.`, at most 200 characters.
 * @throws Failure NAME_INVALID saying which rule it breaks.
 */
export function checkName(name: string): string {
  const reason = nameError(name);
  if (reason !== undefined) {
    throw new Failure(
      "NAME_INVALID",
      `${JSON.stringify(name)} cannot be the name of a container: ${reason}`,
      {
        hint: "give another with --name",
      },
    );
  }
  return name;
}

function nameError(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name.length > 200) return "it is longer than 200 characters";
  if (/^[-.]/.test(name)) return "it begins with - or .";
  const strange = /[^A-Za-z0-9_.-]/.exec(name)?.[0];
  if (strange !== undefined) return `${JSON.stringify(strange)} is not allowed in it`;
  if (/\.(service|socket|target|timer|mount|slice|scope|path|device|swap|automount)$/.test(name)) {
    return "it ends like a unit; leave the ending out";
  }
  if (/\.(tmp|old)$/.test(name)) return "it ends like an unfinished deployment";
  return undefined;
}

/** The container whose deployment a directory of this name is, and its number. */
export function deploymentOf(entry: string): { name: string; number: number; staged: boolean } | undefined {
  const match = DEPLOYMENT.exec(entry);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { name: match[1], number: Number(match[2]), staged: /\.(tmp|old)$/.test(entry) };
}

/**
 * The installed container that `name` cannot stand beside, since one's deployment would have the other's path:
 * `x.0` beside `x`.
 */
export function excludedBy(name: string, installed: readonly string[]): string | undefined {
  return installed.find((other) => deploymentOf(name)?.name === other || deploymentOf(other)?.name === name);
}
