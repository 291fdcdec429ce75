/** `berth login` at a terminal: what is typed for the password is not shown. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { atTerminal, type Session } from "../support/terminal.ts";

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

function loginAtTerminal(answers: [question: string, typed: string][]): Promise<Session> {
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
  return atTerminal([process.execPath, ...words], answers);
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
