/** Atomic's mount, as `atomic`. Names begin with the statement that they show. */
import { mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Berth } from "../support/berth.ts";
import { makeImage, writeLayout } from "../support/images.ts";
import { canLoopMount } from "../support/loop-image.ts";

let berth: Berth;
let engine: Server;
/** Paths that the engine was asked for. */
let asked: string[];

beforeEach(async () => {
  berth = await Berth.open();
  await writeLayout(berth.path("layout"), { 1: await makeImage({ files: { app: "app\n" } }) });
  await berth.json("pull", `oci:${berth.path("layout")}:1`, "--as", "example.com/both:1");
  await berth.json("pull", `oci:${berth.path("layout")}:1`, "--as", "example.com/one:1");
  mkdirSync(berth.path("at"));
  asked = [];
  engine = createServer((request, response) => {
    asked.push(request.url ?? "");
    const isKnown = request.url === `/v1.24/images/${encodeURIComponent("example.com/both:1")}/json`;
    response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
    response.end(isKnown ? "{}" : '{"message":"no such image"}');
  });
  await new Promise<void>((resolve) => engine.listen(berth.path("engine.sock"), resolve));
  vi.stubEnv("DOCKER_HOST", `unix://${berth.path("engine.sock")}`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await berth.run("unmount", berth.path("at"));
  await new Promise((resolve) => engine.close(resolve));
  await rm(berth.path("at"), { recursive: true });
  await berth.close();
});

describe.runIf(canLoopMount)("mount", () => {
  test("60: an image that an engine has too needs --storage", async () => {
    const both = await berth.atomic("mount", "example.com/both:1", berth.path("at"));
    expect(both.stderr).toContain(
      "Found more than one Image with name example.com/both:1; please specify with --storage.",
    );
    expect(both.status).not.toBe(0);
    const named = ["mount", "example.com/both:1", "--storage", "ostree", berth.path("at")];
    expect(await berth.atomic(...named)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(berth.path("at"))).toEqual(["app"]);
  });

  test("64: a prefix is dropped, and -o not looked at", async () => {
    const words = ["mount", "--shared", "-o", "rw", "http:example.com/one:1", berth.path("at")];
    expect(await berth.atomic(...words)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(berth.path("at"))).toEqual(["app"]);
    expect(asked).toEqual(["/v1.24/images/example.com%2Fone%3A1/json"]);
  });

  test("berth itself asks no engine", async () => {
    await berth.json("mount", "example.com/both:1", berth.path("at"));
    expect(asked).toEqual([]);
  });
});
