/** The checkouts of a store that other hosts use in place: what they must hold, and whether they do. */
import type { Host } from "../host.ts";
import { type MountTarget, withMountTargets } from "../layer/mount-targets.ts";
import type { Tree } from "../layer/tree.ts";
import type { Digest } from "../oci/digest.ts";
import type { ExecConfig } from "../oci/image-config.ts";
import { checkTree, type TreeDamage } from "../store/check-tree.ts";
import { entriesOf, hasImage } from "../store/image-records.ts";
import { digestOfFile } from "../store/read-records.ts";
import { MADE_BY_SYSTEMD } from "./mounts.ts";
import { NETWORK_FILES } from "./plan.ts";

/** What any runtime mounts on, so that nobody has to make it in a checkout that cannot be written. */
export function readyTargets({ workingDir = "/", volumes }: ExecConfig): MountTarget[] {
  const plain = [workingDir, "/proc", "/sys", "/dev", ...MADE_BY_SYSTEMD, ...volumes];
  return [
    ...plain.map((path) => ({ path, type: "dir" as const })),
    { path: "/run", type: "dir", mode: 0o755 },
    { path: "/tmp", type: "dir", mode: 0o1777 },
    { path: "/var/tmp", type: "dir", mode: 0o1777 },
    ...NETWORK_FILES.map((path) => ({ path, type: "file" as const })),
  ];
}

export interface CheckedReady {
  digest: Digest;
  dir: string;
  tree: Tree;
  files: number;
  damaged: TreeDamage[];
}

/** Of the images of `only`, or of all; one whose image is not whole is not looked at. @throws Failure INTERRUPTED */
export async function checkReady(
  { layout, signal }: Host,
  {
    only,
    mustShare,
    treeOf,
  }: {
    only: ReadonlySet<Digest> | undefined;
    mustShare: boolean | undefined;
    treeOf: (digest: Digest) => Promise<{ tree: Tree; config: ExecConfig } | undefined>;
  },
): Promise<CheckedReady[]> {
  const checked: CheckedReady[] = [];
  for (const file of entriesOf(layout.checkouts)) {
    const digest = digestOfFile(`${file}.json`);
    if (only?.has(digest) === false || !hasImage(layout, digest)) continue;
    const found = await treeOf(digest);
    if (found === undefined) continue;
    const tree = withMountTargets(found.tree, readyTargets(found.config));
    const dir = layout.checkout(digest);
    const { files, damaged } = await checkTree(layout, tree, {
      dir,
      isMountPoint: () => false,
      mustShare,
      signal,
    });
    checked.push({ digest, dir, tree, files, damaged });
  }
  return checked;
}
