import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Event } from "../../../src/events.ts";
import { lockFile, tryLockFile } from "../../../src/store/locks.ts";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "berth-locks-"));
  path = join(dir, "lock");
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const HOLD = `
import { lockFile } from ${JSON.stringify(new URL("../../../src/store/locks.ts", import.meta.url).href)};
await lockFile(process.argv[1], { mode: "exclusive" });
console.log("held");
setInterval(() => {}, 1000);
`;

/** Another process that holds the lock until it is killed. */
async function holder(): Promise<{ pid: number; kill(): Promise<void> }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", HOLD, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return {
    pid: child.pid ?? 0,
    async kill() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

describe("lockFile()", () => {
  test("shared locks go together, an exclusive one waits for all", async () => {
    const first = await lockFile(path, { mode: "shared" });
    const second = await lockFile(path, { mode: "shared" });
    expect(tryLockFile(path, "exclusive")).toBeUndefined();
    const waiting = lockFile(path, { mode: "exclusive" });
    first.release();
    first.release();
    expect(tryLockFile(path, "exclusive")).toBeUndefined();
    second.release();
    (await waiting).release();
  });

  test("disposing releases", async () => {
    {
      using _ = await lockFile(path, { mode: "exclusive" });
      expect(tryLockFile(path, "shared")).toBeUndefined();
    }
    tryLockFile(path, "exclusive")?.release();
  });

  test("a wait is reported once after a second with the holder; the lock of a dead process is free", async () => {
    const other = await holder();
    const events: Event[] = [];
    const waiting = lockFile(path, { mode: "shared", report: (event) => events.push(event) });
    await expect.poll(() => events.length, { timeout: 5000 }).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await other.kill();
    (await waiting).release();
    expect(events).toEqual([{ type: "waiting", lock: path, holder: `berth (pid ${other.pid})` }]);
  }, 15_000);

  test("an aborted signal ends the wait at once", async () => {
    using _ = await lockFile(path, { mode: "exclusive" });
    const abort = new AbortController();
    const waiting = lockFile(path, { mode: "shared", signal: abort.signal });
    setTimeout(() => abort.abort(), 30);
    await expect(waiting).rejects.toThrow(
      expect.objectContaining({ code: "INTERRUPTED", message: `interrupted while waiting for ${path}` }),
    );
    await expect(lockFile(join(dir, "free"), { mode: "shared", signal: abort.signal })).rejects.toThrow(
      "interrupted",
    );
  });

  test("a wait ends after timeoutMs, naming the lock and the holder", async () => {
    using _ = await lockFile(path, { mode: "exclusive" });
    const waiting = lockFile(path, { mode: "shared", timeoutMs: 50, code: "BUSY" });
    await expect(waiting).rejects.toThrow(
      expect.objectContaining({
        code: "BUSY",
        message: expect.stringContaining(`${path} is locked by berth`) as string,
      }),
    );
  });

  test("a lock whose file was removed meanwhile excludes nobody, so it is taken anew", async () => {
    const first = await lockFile(path, { mode: "exclusive" });
    const waiting = lockFile(path, { mode: "exclusive" });
    unlinkSync(path);
    first.release();
    using _ = await waiting;
    expect(tryLockFile(path, "exclusive")).toBeUndefined();
  });
});
