/** `berth login` at a terminal: what is typed for the password is not shown. util-linux's script(1) makes the terminal. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const main = join(import.meta.dirname, "../support/berth-main.ts");
let registry: TestRegistry;
let dir: string;

beforeEach(async () => {
  registry = await startRegistry({ auth: "basic", users: { alice: "hunter2" } });
  dir = await mkdtemp(join(tmpdir(), "berth-login-"));
});

afterEach(async () => {
  await registry.close();
  await rm(dir, { recursive: true });
});

/** Types each line when its question has been asked; all that the terminal showed, and the status. */
async function loginAtTerminal(
  answers: [question: string, typed: string][],
): Promise<{ shown: string; status: number }> {
  const words = [
    main,
    "--root",
    dir,
    "login",
    "--tls-verify=false",
    "--authfile",
    join(dir, "auth.json"),
    registry.host,
  ];
  const command = [process.execPath, ...words].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    stdio: "pipe",
  });
  let shown = "";
  let left = [...answers];
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    const [next] = left;
    if (next === undefined || !shown.includes(next[0])) return;
    left = left.slice(1);
    child.stdin.write(next[1]);
  });
  const [status] = (await once(child, "exit")) as [number];
  return { shown, status };
}

test("asks for user and password; the password is not shown", async () => {
  const { shown, status } = await loginAtTerminal([
    ["Username for ", "alice\n"],
    ["Password for alice", "hunterX\u007f2\n"],
  ]);
  expect(shown).toContain("logged in to ");
  expect(shown).not.toContain("hunter");
  expect(status).toBe(0);
  const { auths } = JSON.parse(await readFile(join(dir, "auth.json"), "utf8")) as { auths: object };
  expect(auths).toEqual({ [registry.host]: { auth: Buffer.from("alice:hunter2").toString("base64") } });
});

test("Ctrl-C at the password ends it, and nothing is asked of the registry", async () => {
  const { shown, status } = await loginAtTerminal([
    ["Username for ", "alice\n"],
    ["Password for alice", "hun\u0003"],
  ]);
  expect(status).toBe(130);
  expect(shown).not.toContain("hun\n");
  expect(registry.requests).toEqual([]);
});
