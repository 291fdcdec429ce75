/** What the admin says of a container's updates, whatever its deployment: kept beside the deployments, gone with the container. */
import { readFile } from "node:fs/promises";
import { Failure, isErrno } from "../errors.ts";
import type { Change } from "../events.ts";
import type { Host } from "../host.ts";
import type { Layout } from "../store/layout.ts";
import { removeDurably, writeDurably } from "../sys/durable.ts";
import { findContainer } from "./containers.ts";
import { imageOf } from "./deployments.ts";
import { lockContainer } from "./lock.ts";
import { recorded } from "./record.ts";

export interface Settings {
  /** `update --auto` updates it. */
  autoUpdate: boolean;
  /** Neither `update --auto` nor `update --all` touches it. */
  held: boolean;
  /** Digest of the image that it was last updated to and had to go back from: `update --auto` does not try that one again. */
  failed?: string;
}

const NONE: Settings = { autoUpdate: false, held: false };

export async function readSettings(layout: Layout, name: string): Promise<Settings> {
  const path = layout.settings(name);
  try {
    return { ...NONE, ...(JSON.parse(await readFile(path, "utf8")) as Partial<Settings>) };
  } catch (error) {
    if (isErrno(error, "ENOENT")) return NONE;
    if (!(error instanceof SyntaxError)) throw error;
    throw new Failure("STORE_CORRUPT", `${path} cannot be read`, {
      cause: error,
      hint: `remove it, then say again what should hold: berth hold ${name}, berth auto-update ${name}`,
    });
  }
}

/** The caller holds the container's lock. Returns whether anything changed. */
export async function changeSettings(
  layout: Layout,
  name: string,
  change: { [K in keyof Settings]?: Settings[K] | undefined },
): Promise<boolean> {
  const before = await readSettings(layout, name);
  const after = { ...before, ...change };
  const text = `${JSON.stringify(after)}\n`;
  if (text === `${JSON.stringify(before)}\n`) return false;
  await writeDurably(layout.settings(name), text, { mode: 0o600 });
  return true;
}

export async function removeSettings(layout: Layout, name: string): Promise<void> {
  await removeDurably(layout.settings(name));
}

type UpdateChange = Extract<Change, "hold" | "unhold" | "auto-update" | "no-auto-update">;

const CHANGES: Record<UpdateChange, Partial<Settings>> = {
  hold: { held: true },
  unhold: { held: false },
  "auto-update": { autoUpdate: true },
  "no-auto-update": { autoUpdate: false },
};

/** For the verbs: by the admin's word, of an installed container. @throws Failure NOT_INSTALLED */
export async function setUpdates(host: Host, name: string, change: UpdateChange): Promise<void> {
  host.requireRoot("change how a container is updated");
  await findContainer(host, name);
  const lock = await lockContainer(host, name);
  try {
    const { deployment, info } = await findContainer(host, name);
    await recorded(host, { change, name }, async ({ layout }, begin) => {
      if (await changeSettings(layout, name, CHANGES[change])) begin({ deployment, digest: imageOf(info) });
    });
  } finally {
    lock.release();
  }
}
