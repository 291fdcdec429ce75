import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { parsePreset, presetOf } from "../../../src/systemd/presets.ts";

let root: string | undefined;
afterEach(async () => {
  if (root !== undefined) await rm(root, { recursive: true });
  root = undefined;
});

describe("parsePreset()", () => {
  test.each([
    ["enable etcd.service", true],
    ["disable etcd.service", false],
    ["# disable *\n\n  disable\tetc?.*  # why", false],
    ["enable etc[a-d].service\ndisable *", true],
    ["enable etc[!a-d].service\ndisable *", false],
    ["disable etcd", undefined],
    ["disable etcd+service", undefined],
    ["ignore etcd.service", undefined],
    ["", undefined],
  ])("of %j is %j", (text, expected) => {
    expect(parsePreset(text, "etcd.service")).toBe(expected);
  });
});

test.each<[string, Record<string, string>, { enable: boolean; file: string | undefined }]>([
  ["without files enables", {}, { enable: true, file: undefined }],
  [
    "takes the files in the order of their names",
    {
      "usr/lib/systemd/system-preset/99-default.preset": "disable *",
      "etc/systemd/system-preset/50-own.preset": "enable etcd.service",
    },
    { enable: true, file: "/etc/systemd/system-preset/50-own.preset" },
  ],
  [
    "lets /etc take the place of a file of the same name",
    {
      "usr/lib/systemd/system-preset/90-x.preset": "enable *",
      "etc/systemd/system-preset/90-x.preset": "disable *",
    },
    { enable: false, file: "/etc/systemd/system-preset/90-x.preset" },
  ],
])("presetOf() %s", async (_, files, expected) => {
  root = await mkdtemp(join(tmpdir(), "berth-preset-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  expect(await presetOf(root, "etcd.service")).toEqual(expected);
});
