/** observe: the facts a plan needs of the host and of the image's tree. Changes nothing. */
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import { bytesOf } from "../layer/byte-string.ts";
import { resolvePath } from "../layer/tree.ts";
import { resolveImageUser } from "../oci/image-user.ts";
import { findRuntime } from "../runtime/runtime.ts";
import { isInRoot } from "../sys/find-in-root.ts";
import { isThere } from "../sys/if-there.ts";
import { isInside } from "../systemd/install-section.ts";
import { presetOf } from "../systemd/presets.ts";
import type { AcceptedImage } from "./accept.ts";
import { accountIds } from "./accounts.ts";
import { isMask } from "./host-files.ts";
import type { Info } from "./info.ts";
import { observeExports } from "./observe-exports.ts";
import { pathKind } from "./path-kind.ts";
import { placeInRoot, seenFrom } from "./paths.ts";
import { type Facts, NETWORK_FILES, type Plan } from "./plan.ts";
import type { Basis } from "./remote-rootfs.ts";
import type { InstallRequest } from "./request.ts";

export async function observe(
  host: Host,
  {
    name,
    request,
    image,
    tree,
    store,
    readNow,
    rootfs,
    number,
    replaces,
  }: {
    name: string;
    request: InstallRequest;
    image: AcceptedImage;
    /** Of the deployment to be made. */
    number: number;
    /** The deployment whose place it takes. */
    replaces: Info | undefined;
  } & Basis,
): Promise<Facts> {
  const { config, layout } = host;
  const { root } = config;
  return {
    ...(await observeImage(image, { tree, store })),
    number,
    dir: seenFrom(root, layout.deployment(name, number)),
    runtime: await findRuntime(request.runtime ?? config.runtime, { root }),
    systemdVersion: host.offline ? undefined : Number.parseInt(await (await host.systemd()).version(), 10),
    rootfs,
    networkFiles: NETWORK_FILES.filter(
      (file) =>
        pathKind(root, file) === "file" && (rootfs === undefined || isInRoot(join(root, rootfs), file)),
    ),
    accounts: {
      uids: accountIds(await readText(join(root, "/etc/passwd"))),
      gids: accountIds(await readText(join(root, "/etc/group"))),
    },
    paths: {
      unitDirectory: seenFrom(root, config.unitDirectory),
      tmpfilesDirectory: seenFrom(root, config.tmpfilesDirectory),
      state: seenFrom(root, config.state),
    },
    capabilities: host.offline ? undefined : await hostCapabilities(),
    preset: await presetOf(root, `${name}.service`),
    ...(await observeExports(host, { image, tree, store, readNow, replaces })),
    now: Math.floor(Date.now() / 1000),
  };
}

async function observeImage(
  { name, image, verdict }: AcceptedImage,
  { tree, store }: Pick<Basis, "tree" | "store">,
): Promise<Pick<Facts, "verdict" | "image" | "user" | "isExecutable" | "resolve" | "directory">> {
  const { config } = image.config;
  const userFiles = {
    passwd: (await store.readFile(tree, "/etc/passwd"))?.toString() ?? "",
    group: (await store.readFile(tree, "/etc/group"))?.toString() ?? "",
  };
  return {
    verdict,
    image: { name, digest: image.digest, config },
    user: resolveImageUser(config.user, userFiles),
    isExecutable: (path) => {
      const { entry } = resolvePath(tree, path);
      return entry?.type === "file" && (entry.mode & 0o111) !== 0;
    },
    resolve: (path) => `/${bytesOf(resolvePath(tree, path).path).toString()}`,
    directory: (path) => {
      const { entry } = resolvePath(tree, path);
      return entry?.type === "directory" ? { uid: entry.uid, gid: entry.gid, mode: entry.mode } : undefined;
    },
  };
}

/**
 * No file of the plan may stand already, nor one of a package whose place it would take: berth replaces only what it wrote,
 * the files of `own`, the current deployment, and what says the same. No place may lie out of an offline tree.
 * @throws Failure HOST_FILE_CONFLICT
 */
export async function refuseConflicts(host: Host, plan: Plan, own?: Info): Promise<void> {
  const { root } = host.config;
  const ours = new Set(own?.berth.hostFiles.map(({ path }) => path));
  const paths = [...plan.hostFiles, ...plan.state].map(({ path }) => path);
  for (const path of host.offline ? paths : []) await refuseWayOut(root, path);
  for (const { path, file } of plan.hostFiles) {
    if (ours.has(path)) continue;
    const target = join(root, path);
    const text = plan.files.find(({ name }) => name === file)?.text;
    const packaged = await findPackaged(root, path);
    if (packaged === undefined && (!(await isThere(target)) || (await isMask(target)))) continue;
    if (packaged === undefined && (await readText(target)) === text) continue;
    throw new Failure("HOST_FILE_CONFLICT", `${packaged ?? target} exists and is not berth's`, {
      hint: "move it away, or install under another name with --name",
    });
  }
}

/** The file of the same name that a package has for tmpfiles or sysusers: one in /etc is read in its stead. */
async function findPackaged(root: string, path: string): Promise<string | undefined> {
  const kind = basename(dirname(path));
  if (kind !== "tmpfiles.d" && kind !== "sysusers.d") return undefined;
  for (const directory of ["/run", "/usr/local/lib", "/usr/lib"]) {
    const other = join(root, directory, kind, basename(path));
    if (await isThere(other)) return other;
  }
  return undefined;
}

/** A link of the tree that is right once it runs leads to files of this host now. */
async function refuseWayOut(root: string, path: string): Promise<void> {
  for (let at = join(root, path); at.length > root.length; at = dirname(at)) {
    if (!(await isThere(at))) continue;
    if (await isInside(at, root)) return;
    throw new Failure("HOST_FILE_CONFLICT", `${at} leads out of ${root}`, {
      hint: "make the link a relative one, which leads to the same place inside the tree",
    });
  }
}

/** Of `paths`, those that are not there yet. */
export async function missingPaths({ config }: Host, paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(paths.map((path) => isThere(placeInRoot(config.root, path))));
  return paths.filter((_, at) => !there[at]);
}

/** A host that is a container itself may have lost some: a runtime fails when it is to give these. */
async function hostCapabilities(): Promise<bigint | undefined> {
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(await readText("/proc/1/status"))?.[1];
  return mask === undefined ? undefined : BigInt(`0x${mask}`);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "EISDIR")) return "";
    throw error;
  }
}
