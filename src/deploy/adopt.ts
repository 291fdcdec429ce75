/**
 * adopt: what Project Atomic installed becomes berth's, while it runs: its checkouts are put into the store, its units lead to
 * them from the next start on. Until it is confirmed, Atomic's own files stay and everything can be undone.
 */
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Failure, isErrno, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { formatReference, parseReference } from "../oci/reference.ts";
import { parseRuntimeConfig } from "../oci/runtime-config.ts";
import { lockFile } from "../store/locks.ts";
import { removeDurably, syncDirectory } from "../sys/durable.ts";
import { activate } from "./activate.ts";
import {
  type Adoption,
  adoptedNames,
  isSeen,
  readAdoption,
  removeAdoption,
  undoAdoption,
  writeAdoption,
} from "./adoption.ts";
import { type AtomicContainer, type AtomicDeployment, atomicNames, readAtomic } from "./atomic-layout.ts";
import { containerNames } from "./containers.ts";
import { isEnabled } from "./enablement.ts";
import { importRootfs } from "./import-rootfs.ts";
import { formatInfo, type Info, readInfo } from "./info.ts";
import { lockContainer } from "./lock.ts";
import { checkName, excludedBy } from "./name.ts";
import { seenFrom } from "./paths.ts";
import { recover } from "./recover.ts";
import { findRemote } from "./remote-rootfs.ts";
import { syncPath } from "./stage.ts";
import { restoreActivation } from "./standings.ts";

/** Where Atomic keeps its checkouts by default. */
export const ATOMIC_CHECKOUTS = "/var/lib/containers/atomic";

export interface Adopted {
  name: string;
  outcome: "adopted" | "planned" | "undone" | "confirmed" | "skipped";
  image?: string;
  /** The numbers of its deployments, and which is current. */
  deployments?: number[];
  current?: number;
  /** The service goes on from Atomic's files until it is restarted. */
  running?: boolean;
  /** Of `skipped`. */
  reason?: string;
}

export interface AdoptRequest {
  /** None: all. */
  names: readonly string[];
  /** Atomic's directory of checkouts. */
  from: string;
  dryRun: boolean;
}

/** One that cannot be adopted is skipped and stays Atomic's, except where it is the only one named: then it is the failure. */
export async function adopt(host: Host, { names, from, dryRun }: AdoptRequest): Promise<Adopted[]> {
  host.requireRoot("adopt containers");
  const checkouts = join(host.config.root, resolve(from));
  const all = names.length > 0 ? names : await atomicNames(checkouts);
  const adopted: Adopted[] = [];
  for (const name of all) {
    try {
      adopted.push(await adoptOne(host, name, { checkouts, dryRun }));
    } catch (error) {
      if (!isFailure(error) || error.code === "INTERRUPTED" || names.length === 1) throw error;
      adopted.push({ name, outcome: "skipped", reason: error.message });
    }
  }
  return adopted;
}

/** Of all adoptions that are not confirmed, or those named. */
export async function undoAdoptions(host: Host, names: readonly string[]): Promise<Adopted[]> {
  return forAdoptions(host, names, async (adoption) => {
    await undoAdoption(host, adoption);
    return { name: adoption.name, outcome: "undone" };
  });
}

/** Removes what Atomic had: from here on there is no way back to it. @throws Failure BUSY while a service still runs from there */
export async function confirmAdoptions(host: Host, names: readonly string[]): Promise<Adopted[]> {
  return forAdoptions(host, names, async (adoption) => {
    const { name, from } = adoption;
    const dirs = [0, 1].map((number) => join(from, `${name}.${number}`));
    const busy = dirs.find(isSeen);
    if (busy !== undefined) {
      throw new Failure("BUSY", `${name} still runs from ${busy}`, {
        hint: `berth restart ${name}, then confirm`,
      });
    }
    await removeDurably(join(from, name));
    for (const dir of dirs) await rm(dir, { recursive: true, force: true });
    await removeAdoption(host.layout, name);
    return { name, outcome: "confirmed" };
  });
}

async function forAdoptions(
  host: Host,
  names: readonly string[],
  use: (adoption: Adoption) => Promise<Adopted>,
): Promise<Adopted[]> {
  host.requireRoot("adopt containers");
  const done: Adopted[] = [];
  for (const name of names.length > 0 ? names : await adoptedNames(host.layout)) {
    const lock = await lockContainer(host, name);
    try {
      const adoption = await readAdoption(host.layout, name);
      if (adoption === undefined) {
        throw new Failure("NOT_INSTALLED", `no adoption of ${JSON.stringify(name)} waits for a word`, {
          hint: "berth adopt --dry-run lists what Atomic has",
        });
      }
      done.push(await use(adoption));
    } finally {
      lock.release();
    }
  }
  return done;
}

async function adoptOne(
  host: Host,
  name: string,
  { checkouts, dryRun }: { checkouts: string; dryRun: boolean },
): Promise<Adopted> {
  checkName(name);
  const lock = dryRun ? undefined : await lockContainer(host, name);
  try {
    if (!dryRun) await recover(host, name);
    const container = await readAtomic(checkouts, name);
    await refuse(host, container);
    const adoption = await describe(host, container, checkouts);
    const { current, deployments } = container;
    const image = deployments.find(({ number }) => number === current)?.image ?? name;
    const numbers = deployments.map(({ number }) => number);
    const shown = { name, image, deployments: numbers, current, running: adoption.running };
    if (dryRun) return { ...shown, outcome: "planned" };
    await writeAdoption(host.layout, adoption);
    try {
      await take(host, container, adoption);
    } catch (error) {
      await undoAdoption(host, adoption);
      throw error;
    }
    await writeAdoption(host.layout, { ...adoption, state: "adopted" });
    return { ...shown, outcome: "adopted" };
  } finally {
    lock?.release();
  }
}

async function refuse(host: Host, { name, current, deployments }: AtomicContainer): Promise<void> {
  const names = await containerNames(host.layout);
  const adoption = await readAdoption(host.layout, name);
  if (names.includes(name) || adoption !== undefined) {
    throw new Failure("NAME_TAKEN", `berth has a container ${name} already`, {
      hint: adoption === undefined ? "uninstall one of the two" : "it is adopted: --confirm or --undo",
    });
  }
  const other = excludedBy(name, names);
  if (other !== undefined)
    throw new Failure("NAME_TAKEN", `${name} cannot stand beside the container ${other}`);
  const now = deployments.find(({ number }) => number === current);
  if (now?.hasService === false) {
    throw new Failure(
      "CONFIG_INVALID",
      `${name} has no service to take over: it only put files on the host`,
      {
        hint: "install its image with berth, then remove Atomic's",
      },
    );
  }
}

/** How the host is now. */
async function describe(host: Host, { name, current }: AtomicContainer, from: string): Promise<Adoption> {
  const { config } = host;
  const unit = `${name}.service`;
  const places = placesOf(host, name);
  const files = await Promise.all(
    Object.values(places).map(async (path) => ({
      path,
      text: (await readText(join(config.root, path))) ?? null,
      mode: 0o644,
    })),
  );
  if (files.find(({ path }) => path === places.unit)?.text === null) {
    throw new Failure("CONFIG_INVALID", `${name} has no unit: ${places.unit} is not there`, {
      hint: `Atomic's own copy of it is ${join(from, `${name}.${current}`, unit)}`,
    });
  }
  const running =
    !host.offline && ["active", "activating"].includes((await (await host.systemd()).unit(unit)).activeState);
  return { schema: 1, name, from, state: "begun", enabled: await isEnabled(host, unit), running, files };
}

function placesOf({ config }: Host, name: string): { unit: string; tmpfiles: string; dropIn: string } {
  const units = seenFrom(config.root, config.unitDirectory);
  return {
    unit: join(units, `${name}.service`),
    tmpfiles: join(seenFrom(config.root, config.tmpfilesDirectory), `${name}.conf`),
    dropIn: join(units, `${name}.service.d`, "10-berth.conf"),
  };
}

async function take(host: Host, container: AtomicContainer, adoption: Adoption): Promise<void> {
  const { layout, report, signal } = host;
  const { name, current, deployments } = container;
  await host.writableStore();
  // No prune meanwhile: an image that only a deployment needs has none yet.
  using _ = await lockFile(layout.lock, { mode: "shared", report, signal });
  for (const deployment of deployments) {
    await stageAdopted(host, deployment, { name, adoption, isCurrent: deployment.number === current });
    host.checkInterrupted();
  }
  const other = deployments.find(({ number }) => number !== current);
  const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
  if (other !== undefined) {
    const to = { at: at(other.created), previous: undefined };
    await restoreActivation(layout, name, { deployment: other.number, to });
  }
  const to = { at: new Date().toISOString(), previous: other?.number };
  await restoreActivation(layout, name, { deployment: current, to });
  await activate(host, { to: await readInfo(layout.deployment(name, current)) });
}

interface StageContext {
  name: string;
  adoption: Adoption;
  isCurrent: boolean;
}

/** As stage(): built as NAME.N.tmp, synced, then NAME.N by one rename. */
async function stageAdopted(host: Host, old: AtomicDeployment, context: StageContext): Promise<void> {
  const { layout, config } = host;
  const { name, adoption, isCurrent } = context;
  host.report({ type: "step", step: "import", name: `${name}.${old.number}` });
  const dir = layout.deployment(name, old.number);
  const staged = layout.deploymentTmp(name, old.number);
  const moved = (text: string): string =>
    text
      .replaceAll(
        new RegExp(`${escapeRegExp(seenFrom(config.root, old.dir))}(?![0-9])`, "g"),
        seenFrom(config.root, dir),
      )
      .replaceAll(
        `${seenFrom(config.root, join(adoption.from, name))}/`,
        `${seenFrom(config.root, layout.container(name))}/`,
      );
  const configText = moved(await readFile(join(old.dir, "config.json"), "utf8"));
  const command = commandOf(configText);
  await mkdir(layout.containers, { recursive: true, mode: 0o700 });
  await mkdir(staged, { mode: 0o700 });
  try {
    const rootfs = await takeRootfs(host, old, { staged, command, isCurrent });
    const places = placesOf(host, name);
    const hostText = (path: string): string | undefined =>
      isCurrent ? (adoption.files.find((file) => file.path === path)?.text ?? undefined) : undefined;
    const unit = hostText(places.unit) ?? (await readText(join(old.dir, `${name}.service`)));
    const tmpfiles = hostText(places.tmpfiles) ?? (await readText(join(old.dir, `tmpfiles-${name}.conf`)));
    const files = [
      { file: `${name}.service`, path: places.unit, text: unit },
      { file: `tmpfiles-${name}.conf`, path: places.tmpfiles, text: tmpfiles },
      { file: "10-berth.conf", path: places.dropIn, text: dropIn(name, seenFrom(config.root, config.state)) },
    ].flatMap(({ text, ...place }) => (text === undefined ? [] : [{ ...place, text: moved(text) }]));
    for (const { file, text } of files)
      await writeFile(join(staged, file), text, { mode: 0o644, flag: "wx" });
    await writeFile(join(staged, "config.json"), configText, { mode: 0o600, flag: "wx" });
    const hostFiles = files.map(({ path, file }) => ({ path, file, mode: 0o644 }));
    const info = infoOf(old, { name, command, hostFiles, enabled: adoption.enabled, ...rootfs });
    await writeFile(join(staged, "info"), formatInfo(info), { mode: 0o600, flag: "wx" });
    await syncPath(staged);
    await rename(staged, dir);
    await syncDirectory(layout.containers);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw error;
  }
}

/** The checkout, from an image that is made of Atomic's; or the link to a root file system in another place. */
async function takeRootfs(
  host: Host,
  old: AtomicDeployment,
  { staged, command, isCurrent }: { staged: string; command: string[]; isCurrent: boolean },
): Promise<{ revision: string; image: string; rootfs?: string }> {
  const image = fullName(old.image);
  const target = join(staged, "rootfs");
  if (old.remote !== undefined) {
    const rootfs = await findRemote(host.config.root, old.remote);
    await symlink(rootfs, target);
    return { revision: old.revision, image, rootfs };
  }
  const config = { Entrypoint: command };
  const names = isCurrent ? [image] : [];
  const made = await importRootfs(host, join(old.dir, "rootfs"), { names, config, created: old.created });
  const store = await host.store();
  await store.checkout(await store.tree(made), target);
  return { revision: made.digest.slice(made.digest.indexOf(":") + 1), image };
}

function infoOf(
  old: AtomicDeployment,
  more: Pick<Info["berth"], "name" | "command" | "hostFiles"> & {
    image: string;
    revision: string;
    enabled: boolean;
    rootfs?: string;
  },
): Info {
  const { image, revision, rootfs, name, command, hostFiles, enabled } = more;
  return {
    image,
    revision,
    created: old.created,
    values: old.values,
    "has-container-service": true,
    "installed-files": old.installedFiles,
    "installed-files-checksum": old.checksums,
    runtime: old.runtime,
    ...(old.remote === undefined ? {} : { remote: old.remote }),
    berth: {
      schema: 1,
      name,
      deployment: old.number,
      request: {
        image,
        name,
        values: old.values,
        environment: {},
        volumes: [],
        runtime: old.runtime,
        ...(old.remote === undefined ? {} : { rootfs: old.remote }),
        order: { after: [], before: [], requires: [], wants: [], partOf: [] },
        wantedBy: [],
        start: true,
      },
      command,
      ...(rootfs === undefined ? {} : { rootfs }),
      hostFiles,
      state: [],
      sources: [],
      enabled,
    },
  };
}

/** The image's own unit decides; this makes it wait for the files, and its log be found. */
function dropIn(name: string, state: string): string {
  return `# Written by berth for a container that Atomic installed.
[Unit]
RequiresMountsFor=${state}

[Service]
LogExtraFields=BERTH_NAME=${name}
`;
}

function fullName(image: string): string {
  return formatReference(parseReference(image.replace(/^(docker|oci|https?):(?!\/\/)/, "")));
}

function commandOf(text: string): string[] {
  return parseRuntimeConfig(text, "Atomic's config.json").process.args;
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
