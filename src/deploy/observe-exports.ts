/** What the plan of an image in the /exports format has to know of the image, of the host and of what it replaces. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findHome } from "../home.ts";
import type { Host } from "../host.ts";
import type { AcceptedImage } from "./accept.ts";
import type { Info } from "./info.ts";
import { observeHostfs } from "./observe-hostfs.ts";
import { pathKind } from "./path-kind.ts";
import type { Facts } from "./plan.ts";
import { readExports } from "./read-exports.ts";
import type { Basis } from "./remote-rootfs.ts";

export async function observeExports(
  { config, offline }: Host,
  {
    image,
    tree,
    store,
    readNow,
    replaces,
  }: { image: AcceptedImage; replaces: Info | undefined } & Omit<Basis, "rootfs">,
): Promise<
  Pick<Facts, "exports" | "hostfs" | "variables" | "caller" | "security" | "kindOf" | "madeSources">
> {
  const { root } = config;
  const uuid = replaces?.values["UUID"];
  return {
    exports: await readExports(store, tree, { image: image.name }),
    hostfs: observeHostfs(tree, readNow),
    variables: {
      imageName: bareName(image.name),
      atomic: ownProgram(root),
      uuid: typeof uuid === "string" ? uuid : randomUUID(),
    },
    caller: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    // Of a tree that does not run nobody knows what its kernel will have.
    security: {
      selinux: offline || existsSync("/sys/fs/selinux/enforce"),
      apparmor: offline || existsSync("/sys/kernel/security/apparmor"),
    },
    kindOf: (path) => pathKind(root, path),
    madeSources: new Set(replaces?.berth.sources),
  };
}

/** The name of an image without its transport. */
function bareName(name: string): string {
  return name.replace(/^(oci|oci-archive|docker-archive|docker-daemon|containers-storage|dir):/, "");
}

/** This program as other programs of the system would call it. */
function ownProgram(root: string): string {
  const places = ["/usr/local/bin/berth", "/usr/bin/berth"];
  return places.find((path) => existsSync(join(root, path))) ?? join(findHome(), "bin/berth.js");
}
