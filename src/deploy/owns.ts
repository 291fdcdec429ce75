/** owns: which containers a path of the host belongs to, and whether it is as they put it there. */
import { join, resolve } from "node:path";
import type { Host } from "../host.ts";
import { containerNames, findContainer } from "./containers.ts";
import type { Found } from "./decide-files.ts";
import { isOneOf, namesWithLedger, readLedger, type Tracked } from "./ledger.ts";
import { locate, readFound } from "./observe-files.ts";
import { packageOwner } from "./package-owner.ts";

export type FileState = "unchanged" | "edited" | "missing";

export interface Owner {
  /** The container. */
  name: string;
  /** `file`: of its image; `unit`: what berth wrote for its service; `state`: a directory of its data. */
  kind: "file" | "unit" | "state";
  /** Of a file of an image: whether berth put it there. Else it was there before, the same. */
  made: boolean;
  state: FileState;
}

export interface Owned {
  /** Where the path leads, from the host's root. */
  path: string;
  owners: Owner[];
  /** The package that has it, where no container does. */
  package: string | undefined;
}

/** `typed`: a path of the host, or of the tree that `--root` names. */
export async function owns(host: Host, typed: string): Promise<Owned> {
  const { root } = host.config;
  const path = locate(root, host.offline ? typed : resolve(typed));
  const found = await readFound(join(root, path));
  const owners = [...(await fileOwners(host, path, found)), ...(await unitOwners(host, path, found))];
  return { path, owners, package: owners.length > 0 ? undefined : await packageOwner(root, path) };
}

/** Of one line of a ledger, by what is there now. */
export function stateOf(found: Found | undefined, { versions }: Tracked): FileState {
  if (found === undefined) return "missing";
  return found.type !== "other" && isOneOf(found, versions) ? "unchanged" : "edited";
}

async function fileOwners(host: Host, path: string, found: Found | undefined): Promise<Owner[]> {
  const owners: Owner[] = [];
  for (const name of await namesWithLedger(host.layout)) {
    const { files } = await readLedger(host.layout, name);
    const entry = files.find((each) => locate(host.config.root, each.path) === path);
    if (entry !== undefined)
      owners.push({ name, kind: "file", made: entry.made, state: stateOf(found, entry) });
  }
  return owners;
}

async function unitOwners(host: Host, path: string, found: Found | undefined): Promise<Owner[]> {
  const { root } = host.config;
  const owners: Owner[] = [];
  for (const name of await containerNames(host.layout)) {
    const { info, dir } = await findContainer(host, name);
    const unit = info.berth.hostFiles.find((each) => locate(root, each.path) === path);
    if (unit !== undefined) {
      const source = await readFound(join(dir, unit.file));
      const isSame = found?.type === "file" && source?.type === "file" && found.sha256 === source.sha256;
      owners.push({ name, kind: "unit", made: true, state: stateOfUnit(found, isSame) });
    }
    if (info.berth.state.some((each) => locate(root, each) === path || path.startsWith(`${each}/`)))
      owners.push({ name, kind: "state", made: true, state: found === undefined ? "missing" : "unchanged" });
  }
  return owners;
}

function stateOfUnit(found: Found | undefined, isSame: boolean): FileState {
  if (found === undefined) return "missing";
  return isSame ? "unchanged" : "edited";
}
