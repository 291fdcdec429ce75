import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { removeTree } from "../../src/store/files.ts";

const url = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);

const PROGRAM = `
import { Store } from ${url("src/store/store.ts")};
import { imageOf } from ${url("test/support/raw-image.ts")};
import { tarOf } from ${url("test/support/tar.ts")};
const image = imageOf([await tarOf([{ name: "a", content: "a" }]), await tarOf([{ name: "b", content: "b" }])]);
const store = await Store.open(process.argv[1]);
await store.add({ ...image, names: ["name"] }, { blob: image.blob });
`;

const hasStrace = spawnSync("strace", ["-V"]).status === 0;

/** The state-changing calls on the store after its creation, by the directory they end in. */
function callsOf(trace: string, state: string): string[] {
  const calls: string[] = [];
  for (const line of trace.split("\n")) {
    const [, call, args = ""] = /^\d+ +(\w+)\((.*)\) += 0/.exec(line) ?? [];
    if (call === undefined || !args.includes(`${state}/store/`)) continue;
    const paths = [...args.matchAll(/[<"]([^<>"]*\/store\/[^<>"]*)[>"]/g)].map(([, path = ""]) =>
      path.slice(state.length + 7),
    );
    const place = (path = ""): string => path.split("/")[0] ?? "";
    calls.push(call.startsWith("rename") ? `rename to ${place(paths.at(-1))}` : `${call} ${place(paths[0])}`);
  }
  return calls.slice(calls.indexOf("syncfs tmp"));
}

test.runIf(hasStrace)("Store.add() syncs what a name stands for before it gives the name", async () => {
  const dir = mkdtempSync(join(tmpdir(), "berth-order-"));
  try {
    const trace = join(dir, "trace");
    const { status } = spawnSync("strace", [
      ...["-f", "-y", "-qq", "-o", trace, "-e", "trace=syncfs,fsync,rename,renameat,renameat2"],
      ...[process.execPath, "--input-type=module", "-e", PROGRAM, join(dir, "state")],
    ]);
    expect(status).toBe(0);
    expect(callsOf(readFileSync(trace, "utf8"), join(dir, "state"))).toEqual([
      "syncfs tmp", // the data of objects and listings
      "rename to objects",
      "rename to objects",
      "syncfs objects", // their names
      "rename to layers",
      "rename to layers",
      "fsync layers",
      "fsync tmp",
      "rename to images",
      "fsync images",
      "fsync tmp",
      "rename to names",
      "fsync names",
    ]);
  } finally {
    await removeTree(dir);
  }
});
