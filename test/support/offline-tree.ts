/** A tree that does not run, for `--root`, and berth on it. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { Berth } from "./berth.ts";
import { insecureRoot } from "./registry.ts";

export interface OfflineTree {
  root: string;
  berth: Berth;
}

/** A new one, which accepts every image; `runc`: it has a program of that name. It goes when the test has ended. */
export async function openOfflineTree({ runc = false }: { runc?: boolean } = {}): Promise<OfflineTree> {
  const root = await insecureRoot();
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  if (runc) {
    await mkdir(join(root, "usr/bin"), { recursive: true });
    await writeFile(join(root, "usr/bin/runc"), "#!/bin/sh\n", { mode: 0o755 });
  }
  const berth = await Berth.open({ root });
  onTestFinished(() => berth.close());
  return { root, berth };
}
