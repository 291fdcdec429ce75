/**
 * The activation journal: what a command is about to change on the host, written and synced before it does, removed when
 * all is done. A journal that is found is an interrupted command's; it says what to take away, go back to or finish.
 */
import { mkdir, readFile } from "node:fs/promises";
import { Failure, isErrno } from "../errors.ts";
import type { Layout } from "../store/layout.ts";
import { removeDurably, writeDurably } from "../sys/durable.ts";
import { recordNames } from "./record-names.ts";
import type { Activation } from "./standings.ts";

export type Intent = RemovalIntent | SwitchIntent | OrderIntent;

/** An interrupted install is undone, an interrupted uninstall is finished: both take the container away. */
export interface RemovalIntent {
  schema: 1;
  action: "install" | "uninstall";
  name: string;
  /** Host files that may stand, as the service's system sees them. */
  hostFiles: string[];
  /** State directories to remove with all they hold: those the install makes, or on uninstall those to purge. */
  state: string[];
  /** Of the record of its state: what goes from it, after the directories. */
  forgotten?: string[];
  /** Directories to remove if they are empty. */
  emptied: string[];
  /** What the tmpfiles lines mark for removal goes even where it is data. */
  purge?: boolean;
}

/** A change of the order; an interrupted one is finished. */
export interface OrderIntent {
  schema: 1;
  action: "order";
  name: string;
  /** Files of the current deployment as they will be; those that are host files too are changed there as well. */
  files: { name: string; text: string; mode: number }[];
  /** [Install] changes and the unit is enabled: its links are made again. */
  reenable: boolean;
}

/** An interrupted update or rollback goes back to the deployment that was current. */
export interface SwitchIntent {
  schema: 1;
  action: "update" | "rollback";
  name: string;
  from: number;
  to: number;
  /** `to` is made by this command, and goes when it is undone. */
  made: boolean;
  /** The deployment that gave its number to `to` and waits as NAME.N.old. */
  displaced: boolean;
  /** The service ran, so what is current in the end must run. */
  ran: boolean;
  /** When `to` was current before, if it ever was: it is so again when this is undone. */
  activated?: Activation;
}

export async function writeIntent(layout: Layout, intent: Intent): Promise<void> {
  const path = layout.journal(intent.name);
  await mkdir(layout.journals, { recursive: true, mode: 0o700 });
  await writeDurably(path, `${JSON.stringify(intent, undefined, 2)}\n`, { mode: 0o600 });
}

export async function removeIntent(layout: Layout, name: string): Promise<void> {
  await removeDurably(layout.journal(name));
}

/** What an interrupted command left to do for `name`; undefined when none did. */
export async function readIntent(layout: Layout, name: string): Promise<Intent | undefined> {
  const path = layout.journal(name);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    const intent = JSON.parse(text) as Partial<Intent>;
    if (intent.schema !== 1 || intent.name !== name)
      throw new Error("it is not a journal of this version of berth");
    return intent as Intent;
  } catch (cause) {
    throw new Failure("STORE_CORRUPT", `the journal ${path} cannot be read`, { cause });
  }
}

/** Names with a journal, sorted. */
export async function interruptedNames({ journals }: Layout): Promise<string[]> {
  return recordNames(journals);
}
