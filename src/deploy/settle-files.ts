/**
 * The files of an image on the host: which they are to be, and making them so. All that is refused is refused before anything is
 * changed; a change that is killed can be gone on with or gone back from, by the ledger.
 */
import { constants, existsSync } from "node:fs";
import { access, mkdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Lock, lockFile } from "../store/locks.ts";
import { removeDurably, removeStaleAsides, syncDirectory } from "../sys/durable.ts";
import { isThere } from "../sys/if-there.ts";
import { type Decision, decideFiles, type Outcome } from "./decide-files.ts";
import { hostLabel } from "./host-label.ts";
import type { Info } from "./info.ts";
import type { InstalledFile, InstalledRegular } from "./installed-files.ts";
import { contentOf, formatLedger, type Ledger, removeLedger, type Tracked, writeLedger } from "./ledger.ts";
import { observeFiles } from "./observe-files.ts";
import { packageOwner } from "./package-owner.ts";
import type { PlaceOptions } from "./place-file.ts";

/** What became, or would become, of one file of the host. */
export interface FileOutcome {
  path: string;
  type: InstalledFile["type"] | undefined;
  outcome: Exclude<Outcome, "conflict"> | "skipped";
  /** Containers that have it too. */
  others: string[];
}

export interface FilesRequest {
  /** Of the container. */
  name: string;
  /** What it is to have; none when it goes. */
  files: readonly InstalledFile[];
  /**
   * What is done about a file that is there, differs and is not the container's own: refuse the whole, or leave it as it is and
   * do without.
   */
  conflicts: "refuse" | "keep";
  /** What the admin edited goes too. */
  purge?: boolean;
  /** Where the deployment's root file system is that lies in another place, as the host sees it. */
  rootfs?: string | undefined;
}

/** What the deployment of this record asks for. */
export function filesRequestOf({ berth }: Info): FilesRequest {
  const conflicts = berth.request.keepHostFiles === true ? "keep" : "refuse";
  return { name: berth.name, files: berth.installed ?? [], conflicts, rootfs: berth.rootfs };
}

/** What settleFiles() would do. @throws Failure HOST_FILE_CONFLICT, CONFIG_INVALID */
export async function foreseeFiles(host: Host, request: FilesRequest): Promise<FileOutcome[]> {
  const { decisions } = await assess(host, request);
  return outcomesOf(decisions);
}

/**
 * Puts files on the host and takes away those that are there no more. `dir` is the deployment that they come from. Doing it again
 * does nothing more.
 * @throws Failure HOST_FILE_CONFLICT before anything is changed.
 */
export async function settleFiles(
  host: Host,
  request: FilesRequest & { dir: string },
): Promise<FileOutcome[]> {
  const { layout } = host;
  const { name, files } = request;
  // Most containers have none, and most hosts none such container.
  if (files.length === 0 && !existsSync(layout.ledgers)) return [];
  using _ = await lockFiles(host);
  const { decisions, ledger } = await assess(host, request);
  // Of what is missing a settled ledger need not say that the admin removed it.
  const settled = ledgerOf(decisions, ({ tracked }) => tracked && withoutDeleted(tracked));
  const isDone = decisions.every(({ action }) => action === "none");
  if (!ledger.settled) await removeLeftovers(host, ledger);
  if (!isDone) {
    const before = new Map(ledger.files.map((entry) => [entry.path, entry]));
    const open = ledgerOf(decisions, (each) => inBetween(each, before.get(each.path)));
    await writeLedger(layout, name, { ...open, settled: false });
    await apply(host, decisions, request);
    settled.files = await withFullDirectories(host, settled, { decisions, before });
  }
  if (settled.files.length === 0) await removeLedger(layout, name);
  else if (!isDone || formatLedger(settled) !== formatLedger(ledger))
    await writeLedger(layout, name, settled);
  else await removeStaleAsides(layout.ledger(name));
  return outcomesOf(decisions);
}

/** The container goes, and with it what is known of its files. */
export async function removeFiles(
  host: Host,
  name: string,
  { purge }: { purge: boolean },
): Promise<FileOutcome[]> {
  if (!existsSync(host.layout.ledgers)) return [];
  const outcomes = await settleFiles(host, { name, files: [], conflicts: "keep", purge, dir: "" });
  using _ = await lockFiles(host);
  await removeLedger(host.layout, name);
  return outcomes;
}

/** Short, and on the way back too: nobody's interrupt ends the wait. */
export async function lockFiles({ layout, report }: Host): Promise<Lock> {
  await mkdir(layout.containerLocks, { recursive: true, mode: 0o700 });
  return lockFile(layout.containerLock(".files"), { mode: "exclusive", report });
}

async function assess(
  host: Host,
  { name, files, conflicts, purge = false }: FilesRequest,
): Promise<{ decisions: Decision[]; ledger: Ledger }> {
  const { wanted, facts } = await observeFiles(host, { name, files, strict: conflicts === "refuse" });
  const decisions = decideFiles(wanted, { facts, purge });
  if (conflicts === "refuse") await refuseConflict(host, decisions);
  await refuseReadOnly(host, decisions);
  return { decisions, ledger: facts.ledger };
}

async function refuseConflict({ config }: Host, decisions: readonly Decision[]): Promise<void> {
  const conflict = decisions.find(({ outcome }) => outcome === "conflict");
  if (conflict === undefined) return;
  const { path, others } = conflict;
  const [other] = others;
  const owner = other === undefined ? await packageOwner(config.root, path) : undefined;
  const whose =
    other !== undefined
      ? `belongs to the container ${other}`
      : owner !== undefined
        ? `belongs to the package ${owner}`
        : "is not berth's";
  throw new Failure("HOST_FILE_CONFLICT", `${join(config.root, path)} exists and ${whose}`, {
    hint: "move it away, or give --keep-host-files to leave it as it is and do without the image's",
  });
}

/** A file system that is mounted read-only, such as /usr of an image-based system, is found before anything is changed. */
async function refuseReadOnly({ config }: Host, decisions: readonly Decision[]): Promise<void> {
  for (const { path, action } of decisions) {
    if (action === "none") continue;
    const parent = join(config.root, dirname(path));
    try {
      await access(parent, constants.W_OK);
    } catch (error) {
      if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) continue; // one that is to be made
      if (!isErrno(error, "EROFS")) throw error;
      throw new Failure(
        "HOST_FILE_CONFLICT",
        `${join(config.root, path)} cannot be written: its file system is read-only`,
        {
          cause: error,
        },
      );
    }
  }
}

/** Directories that are there only for what lies in them are not worth a word, unless they are in the way. */
function outcomesOf(decisions: readonly Decision[]): FileOutcome[] {
  const said = decisions.filter(
    ({ file, outcome }) => file?.type !== "directory" || file.empty || outcome === "conflict",
  );
  return said.map(({ path, file, outcome, others }) => ({
    path,
    type: file?.type,
    outcome: outcome === "conflict" ? "skipped" : outcome,
    others,
  }));
}

function ledgerOf(
  decisions: readonly Decision[],
  entryOf: (decision: Decision) => Tracked | undefined,
): Ledger {
  const files = decisions.map(entryOf).filter((entry) => entry !== undefined);
  return { schema: 1, settled: true, files };
}

/** As long as nobody knows how far it came, what was there and what comes both count as berth's. */
function inBetween(
  { path, action, file, tracked }: Decision,
  before: Tracked | undefined,
): Tracked | undefined {
  if (action === "none") return tracked;
  const versions = [...(before?.versions ?? []), ...(file === undefined ? [] : [contentOf(file)])];
  return { path, versions, made: true };
}

function withoutDeleted({ path, versions, made }: Tracked): Tracked {
  return { path, versions, made };
}

/** Removals first: a file may take the place of a directory. */
async function apply(
  host: Host,
  decisions: readonly Decision[],
  { dir, rootfs }: { dir: string; rootfs?: string | undefined },
): Promise<void> {
  const { root } = host.config;
  const of = (action: Decision["action"]): Decision[] => decisions.filter((each) => each.action === action);
  for (const { path } of of("remove")) await removeDurably(join(root, path));
  for (const { path } of of("rmdir").reverse()) await removeDirectory(join(root, path));
  const { placeDirectory, placeFile } = await import("./place-file.ts");
  for (const { path, file } of of("mkdir"))
    if (file?.type === "directory") await placeDirectory(join(root, path), file, await hostLabel(host, path));
  for (const { path, file } of of("place")) {
    if (file === undefined || file.type === "directory") continue;
    const label = await hostLabel(host, path);
    if (file.type === "symlink") await placeFile(join(root, path), file, { source: "", label });
    else await placeFile(join(root, path), ...sourceOf(file, { dir, rootfs, root, label }));
  }
}

/** Of a root file system that is not berth's a file is copied, and never shared. */
function sourceOf(
  file: InstalledRegular,
  {
    dir,
    rootfs,
    root,
    label,
  }: { dir: string; rootfs: string | undefined; root: string; label: Buffer | undefined },
): [InstalledRegular, PlaceOptions] {
  const below = file.source.startsWith("rootfs/") ? file.source.slice("rootfs/".length) : undefined;
  if (rootfs === undefined || below === undefined) return [file, { source: join(dir, file.source), label }];
  return [
    { ...file, link: false },
    { source: join(root, rootfs, below), label },
  ];
}

/** With something in it, it stays. */
async function removeDirectory(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOENT", "EBUSY"].some((code) => isErrno(error, code))) return;
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** A directory of berth's that was not empty stays known: it goes when it is. */
async function withFullDirectories(
  { config }: Host,
  { files }: Ledger,
  { decisions, before }: { decisions: readonly Decision[]; before: ReadonlyMap<string, Tracked> },
): Promise<Tracked[]> {
  const full: Tracked[] = [];
  for (const { path, action } of decisions) {
    const entry = before.get(path);
    if (action !== "rmdir" || entry === undefined) continue;
    if (await isThere(join(config.root, path))) full.push({ ...entry });
  }
  return [...files, ...full].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What a killed command was writing. */
async function removeLeftovers({ config }: Host, { files }: Ledger): Promise<void> {
  for (const { path } of files) await removeStaleAsides(join(config.root, path));
}
