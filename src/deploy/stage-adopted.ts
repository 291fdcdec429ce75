/** A deployment of Atomic's becomes one of berth's: the same unit, configuration and lines, leading to berth's checkout. */
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../host.ts";
import { digestHex } from "../oci/digest.ts";
import { formatReference, parseReference } from "../oci/reference.ts";
import { parseRuntimeConfig } from "../oci/runtime-config.ts";
import { syncDirectory } from "../sys/durable.ts";
import { textIfThere } from "../sys/if-there.ts";
import { adoptFiles } from "./adopted-files.ts";
import type { Adoption } from "./adoption.ts";
import type { AtomicDeployment } from "./atomic-layout.ts";
import { importRootfs } from "./import-rootfs.ts";
import { formatInfo, type Info } from "./info.ts";
import type { InstalledFile } from "./installed-files.ts";
import { seenFrom } from "./paths.ts";
import { findRemote } from "./remote-rootfs.ts";
import { syncPath } from "./stage.ts";

/** Where the container has its files on the host, as its system sees them. */
export function placesOf({ config }: Host, name: string): { unit: string; tmpfiles: string; dropIn: string } {
  const units = seenFrom(config.root, config.unitDirectory);
  return {
    unit: join(units, `${name}.service`),
    tmpfiles: join(seenFrom(config.root, config.tmpfilesDirectory), `${name}.conf`),
    dropIn: join(units, `${name}.service.d`, "10-berth.conf"),
  };
}

interface StageContext {
  name: string;
  adoption: Adoption;
  isCurrent: boolean;
}

/** As stage(): built as NAME.N.tmp, synced, then NAME.N by one rename. */
export async function stageAdopted(host: Host, old: AtomicDeployment, context: StageContext): Promise<void> {
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
      .replaceAll(`${join(adoption.from, name)}/`, `${seenFrom(config.root, layout.container(name))}/`);
  const configText = moved(await readFile(join(old.dir, "config.json"), "utf8"));
  const command = commandOf(configText);
  await mkdir(layout.containers, { recursive: true, mode: 0o700 });
  await mkdir(staged, { mode: 0o700 });
  try {
    const rootfs = await takeRootfs(host, old, { staged, command, isCurrent });
    const places = placesOf(host, name);
    const hostText = (path: string): string | undefined =>
      isCurrent ? (adoption.files.find((file) => file.path === path)?.text ?? undefined) : undefined;
    const unit = hostText(places.unit) ?? (await textIfThere(join(old.dir, `${name}.service`)));
    const tmpfiles = hostText(places.tmpfiles) ?? (await textIfThere(join(old.dir, `tmpfiles-${name}.conf`)));
    const files = [
      { file: `${name}.service`, path: places.unit, text: unit },
      { file: `tmpfiles-${name}.conf`, path: places.tmpfiles, text: tmpfiles },
      { file: "10-berth.conf", path: places.dropIn, text: dropIn(name, seenFrom(config.root, config.state)) },
    ].flatMap(({ text, ...place }) => (text === undefined ? [] : [{ ...place, text: moved(text) }]));
    for (const { file, text } of files)
      await writeFile(join(staged, file), text, { mode: 0o644, flag: "wx" });
    await writeFile(join(staged, "config.json"), configText, { mode: 0o600, flag: "wx" });
    const hostFiles = files.map(({ path, file }) => ({ path, file, mode: 0o644 }));
    const installed = await adoptFiles(host, old, { staged });
    const info = infoOf(old, { name, command, hostFiles, installed, enabled: adoption.enabled, ...rootfs });
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
  return { revision: digestHex(made.digest), image };
}

function infoOf(
  old: AtomicDeployment,
  more: Pick<Info["berth"], "name" | "command" | "hostFiles"> & {
    installed: InstalledFile[];
    image: string;
    revision: string;
    enabled: boolean;
    rootfs?: string;
  },
): Info {
  const { image, revision, rootfs, name, command, hostFiles, installed, enabled } = more;
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
      ...(installed.length > 0 ? { installed } : {}),
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
