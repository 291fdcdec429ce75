import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseReference } from "../../../src/oci/reference.ts";
import { copyImage } from "../../../src/transport/copy-image.ts";
import { openDestination } from "../../../src/transport/destination.ts";
import { failureOf } from "../../support/failures.ts";
import { makeImage, writeLayout } from "../../support/images.ts";
import { withSource } from "../../support/sources.ts";

let dir: string;
let server: Server | undefined;
/** What the engine was asked for: method and path. */
let asked: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-daemon-"));
  asked = [];
  vi.stubEnv("DOCKER_HOST", `unix://${dir}/engine.sock`);
  vi.stubEnv("TMPDIR", dir);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await rm(dir, { recursive: true });
});

/** An engine that answers every request so. */
async function startEngine(answer: (response: ServerResponse) => void): Promise<void> {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume();
    request.on("end", () => answer(response));
  });
  await new Promise<void>((resolve) => server?.listen(join(dir, "engine.sock"), resolve));
}

const read = (typed: string): Promise<unknown> => withSource(typed, (source) => source.manifest());

async function load(typed: string): Promise<unknown> {
  await writeLayout(join(dir, "layout"), { one: await makeImage() });
  return withSource(`oci:${dir}/layout:one`, async (source) => {
    const destination = await openDestination(parseReference(typed));
    try {
      return await copyImage({ source, destination });
    } finally {
      await destination.close();
    }
  });
}

test("without an engine: where it was looked for, and what to start", async () => {
  const failure = await failureOf(() => read("docker-daemon:app:1"));
  expect(failure).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    hint: expect.stringContaining("podman.socket"),
  });
  expect(failure.message).toContain(`${dir}/engine.sock`);
});

test("an engine on the network is refused", async () => {
  vi.stubEnv("DOCKER_HOST", "tcp://127.0.0.1:2375");
  expect((await failureOf(() => read("docker-daemon:app:1"))).message).toContain("only unix:///PATH");
});

test.each([
  ["Docker's 404", 404, { message: "No such image: app:1" }, "IMAGE_UNKNOWN", "No such image: app:1"],
  [
    "podman's 500",
    500,
    { cause: "image not known", message: "app: image not known" },
    "IMAGE_UNKNOWN",
    "not known",
  ],
  ["another failure", 500, { message: "disk \u001b[31mfailed" }, "UNSUPPORTED", "disk \\x1b[31mfailed"],
] as const)("%s becomes a message", async (_, status, body, code, message) => {
  await startEngine((response) => response.writeHead(status).end(JSON.stringify(body)));
  const failure = await failureOf(() => read("docker-daemon:app:1"));
  expect(failure.code).toBe(code);
  expect(failure.message).toContain(message);
  expect(asked).toEqual(["GET /v1.24/images/docker.io%2Flibrary%2Fapp%3A1/get"]);
});

test("an export that is no archive, or is cut, is refused and leaves nothing", async () => {
  await startEngine((response) => response.end("<html>".repeat(300)));
  expect((await failureOf(() => read("docker-daemon:app:1"))).code).toBe("MANIFEST_INVALID");
  expect(await readdir(dir)).toEqual(["engine.sock"]);
});

test("an image is loaded by name, and an error in the answer's stream counts", async () => {
  let answer = '{"stream":"Loaded image: app"}\n';
  await startEngine((response) => response.end(answer));
  expect(await load("docker-daemon:app:1")).toMatchObject({ images: 1 });
  answer = '{"status":"Loading"}\n{"errorDetail":{"message":"full"},"error":"no space left"}\n';
  expect((await failureOf(() => load("docker-daemon:app:1"))).message).toContain(
    "the engine refuses the image: no space left",
  );
  expect(asked).toEqual(["POST /v1.24/images/load?quiet=1", "POST /v1.24/images/load?quiet=1"]);
  expect((await readdir(dir)).sort()).toEqual(["engine.sock", "layout"]);
});

test("an id cannot be a destination", async () => {
  const failure = await failureOf(() => load(`docker-daemon:sha256:${"a".repeat(64)}`));
  expect(failure.hint).toContain("docker-daemon:NAME:TAG");
});
