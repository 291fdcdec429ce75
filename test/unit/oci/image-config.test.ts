import { expect, test } from "vitest";
import { parseImageConfig } from "../../../src/oci/image-config.ts";
import { failureOf } from "../../support/failures.ts";
import { makeImage } from "../../support/images.ts";

const parse = (value: unknown) => parseImageConfig(Buffer.from(JSON.stringify(value)));
const MINIMAL = { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [] } };

test("parseImageConfig reads the whole config", async () => {
  const image = await makeImage({
    platform: { os: "linux", architecture: "arm", variant: "v7" },
    config: {
      User: "1000:1000",
      Env: ["PATH=/bin", "EMPTY=", "X=a=b"],
      Entrypoint: ["/bin/etcd"],
      Cmd: ["--debug"],
      WorkingDir: "/srv",
      Volumes: { "/data": {} },
      ExposedPorts: { "2379/tcp": {} },
      Labels: { a: "b" },
      StopSignal: "SIGQUIT",
      Healthcheck: { Test: ["CMD", "true"], Interval: 30e9, Timeout: 0, StartPeriod: 5e9, Retries: 3 },
      Unknown: 1,
    },
  });
  expect(parseImageConfig(image.config)).toEqual({
    os: "linux",
    architecture: "arm",
    variant: "v7",
    created: "2001-09-09T01:46:40Z",
    diffIds: image.diffIds,
    config: {
      user: "1000:1000",
      env: ["PATH=/bin", "EMPTY=", "X=a=b"],
      entrypoint: ["/bin/etcd"],
      cmd: ["--debug"],
      workingDir: "/srv",
      volumes: ["/data"],
      exposedPorts: ["2379/tcp"],
      labels: { a: "b" },
      stopSignal: "SIGQUIT",
      healthcheck: { test: ["CMD", "true"], interval: 30e9, startPeriod: 5e9, retries: 3 },
    },
  });
});

test("parseImageConfig takes null and absence as empty, as Go writes them", () => {
  const empty = { env: [], entrypoint: [], cmd: [], volumes: [], exposedPorts: [], labels: {} };
  expect(parse(MINIMAL).config).toEqual(empty);
  const nulls = { Env: null, Cmd: null, Volumes: null, Labels: null, User: "", Healthcheck: null };
  expect(parse({ ...MINIMAL, config: nulls }).config).toEqual(empty);
});

test.each([undefined, "", "squashfs", 1])(
  "statement 11: parseImageConfig refuses rootfs.type %s",
  async (type) => {
    const failure = await failureOf(() => parse({ ...MINIMAL, rootfs: { type, diff_ids: [] } }));
    expect(failure.code).toBe("MANIFEST_INVALID");
    expect(failure.message).toContain('it must be "layers"');
  },
);

test.each(["HOME", "=x", "", "A=\u0000", "A=b\nExecStart=/bin/sh", "A\nB=c"])(
  "parseImageConfig refuses the Env entry %j",
  async (entry) => {
    const failure = await failureOf(() => parse({ ...MINIMAL, config: { Env: [entry] } }));
    expect(failure.code).toBe("CONFIG_INVALID");
    expect(failure.message).not.toMatch(/\p{Cc}/u);
  },
);

test("parseImageConfig does not show the value of an Env entry that it refuses", async () => {
  const failure = await failureOf(() => parse({ ...MINIMAL, config: { Env: ["PASSWORD=hunter2\n"] } }));
  expect(failure.message).toContain("PASSWORD");
  expect(failure.message).not.toContain("hunter2");
});

test.each([
  ["no os", { ...MINIMAL, os: undefined }],
  ["no rootfs", { ...MINIMAL, rootfs: undefined }],
  ["a bad diff_id", { ...MINIMAL, rootfs: { type: "layers", diff_ids: ["sha256:../x"] } }],
  ["Cmd as text", { ...MINIMAL, config: { Cmd: "ls" } }],
  ["a negative interval", { ...MINIMAL, config: { Healthcheck: { Test: [], Interval: -1 } } }],
])("parseImageConfig refuses %s", async (_, value) => {
  expect((await failureOf(() => parse(value))).code).toBe("MANIFEST_INVALID");
});
