import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../events.ts";
import type { Tree } from "../layer/tree.ts";
import type { Digest } from "../oci/digest.ts";
import { checkoutTree } from "./checkout.ts";
import { syncDirectory, syncFileSystem } from "./files.ts";
import type { Layout } from "./layout.ts";
import { lockFile } from "./locks.ts";
import { makeStage } from "./stage.ts";

/** Makes the checkout of an image that others use in place; nothing where it is there already. */
export async function makeReady(
  layout: Layout,
  tree: Tree,
  {
    digest,
    report,
    signal,
  }: { digest: Digest; report?: Report | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  using _ = await lockFile(layout.lock, { mode: "shared", report, signal });
  const target = layout.checkout(digest);
  if (existsSync(target)) return;
  mkdirSync(layout.checkouts, { recursive: true, mode: 0o700 });
  const stage = makeStage(layout);
  try {
    const dir = join(stage.dir, "rootfs");
    await checkoutTree(layout, tree, { dir, report, signal });
    syncFileSystem(dir);
    renameSync(dir, target);
    syncDirectory(layout.checkouts);
  } finally {
    await stage.remove();
  }
}
