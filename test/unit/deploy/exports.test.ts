import { describe, expect, test } from "vitest";
import { type ExportsFiles, parseExports, parseExportsManifest } from "../../../src/deploy/exports.ts";
import { healthOfManifest } from "../../../src/deploy/manifest-health.ts";
import { failureOf } from "../../support/failures.ts";

const IMAGE = "registry.example.com/etcd:latest";
const NONE: ExportsFiles["files"] = {
  manifest: undefined,
  config: undefined,
  configTemplate: undefined,
  serviceTemplate: undefined,
  tmpfilesTemplate: undefined,
};
const DEFAULTS = {
  defaultValues: {},
  renameFiles: {},
  installedFilesTemplate: [],
  noContainerService: false,
  useLinks: true,
  health: undefined,
};

function parse(files: Partial<Record<keyof ExportsFiles["files"], string | Buffer>>) {
  const bytes = Object.fromEntries(
    Object.entries(files).map(([name, content]) => [name, Buffer.from(content as string)]),
  );
  return parseExports({ files: { ...NONE, ...bytes }, hostfs: [] }, { image: IMAGE });
}

const manifest = (value: unknown) => parseExportsManifest(Buffer.from(JSON.stringify(value)), IMAGE);

describe("parseExports()", () => {
  test("of an empty directory has the defaults and no files", () => {
    expect(parse({})).toEqual({
      config: undefined,
      configTemplate: undefined,
      serviceTemplate: undefined,
      tmpfilesTemplate: undefined,
      manifest: DEFAULTS,
      hostfs: [],
    });
  });

  test("tells an empty template from none", () => {
    expect(parse({ tmpfilesTemplate: "" }).tmpfilesTemplate).toBe("");
  });

  test("keeps a text as it is, line ends included", () => {
    expect(parse({ serviceTemplate: "[Unit]\r\nDescription=\u00fc\n" }).serviceTemplate).toBe(
      "[Unit]\r\nDescription=\u00fc\n",
    );
  });

  test.each([
    ["serviceTemplate", "TEMPLATE_INVALID", "/exports/service.template of the image is not UTF-8 text"],
    ["config", "CONFIG_INVALID", "/exports/config.json of the image is not UTF-8 text"],
  ] as const)("refuses a %s that is no text", async (file, code, message) => {
    expect(await failureOf(() => parse({ [file]: Buffer.from([0xff, 0x41]) }))).toMatchObject({
      code,
      message,
    });
  });
});

describe("parseExportsManifest()", () => {
  test("reads every key, numbers as their digits, and leaves unknown ones to others", () => {
    expect(
      manifest({
        version: "1.0",
        defaultValues: { PORT: 8081, RECEIVER: "World", EMPTY: "" },
        renameFiles: { "/etc/a": "/etc/$NAME" },
        installedFilesTemplate: ["/etc/a"],
        noContainerService: true,
        useLinks: false,
        berth: { health: { tcp: 80 } },
        unknown: [1],
      }),
    ).toEqual({
      defaultValues: { PORT: "8081", RECEIVER: "World", EMPTY: "" },
      renameFiles: { "/etc/a": "/etc/$NAME" },
      installedFilesTemplate: ["/etc/a"],
      noContainerService: true,
      useLinks: false,
      health: { cmd: undefined, tcp: "80", http: undefined, interval: 1, timeout: 5, limit: 60 },
    });
  });

  test.each([
    ["what is not JSON", "{"],
    ["a list", "[]"],
    ["bytes that are no text", Buffer.from([0x22, 0xff, 0x22])],
    ["defaultValues that are a list", '{"defaultValues":[]}'],
    ["a default that is no text", '{"defaultValues":{"A":["x"]}}'],
    ["a default that is null", '{"defaultValues":{"A":null}}'],
    ["renameFiles that are texts", '{"renameFiles":"/a"}'],
    ["installedFilesTemplate without paths", '{"installedFilesTemplate":[1]}'],
    ["noContainerService in words", '{"noContainerService":"yes"}'],
    ["a health check of two kinds", '{"berth":{"health":{"tcp":"1","cmd":"x"}}}'],
    ["a health check of none", '{"berth":{"health":{}}}'],
    ["a health check that takes a day", '{"berth":{"health":{"tcp":"1","limit":86400}}}'],
    ["a health check that is a text", '{"berth":{"health":"x"}}'],
  ])("refuses %s in Atomic's words", async (_, text) => {
    expect(await failureOf(() => parseExportsManifest(Buffer.from(text as string), IMAGE))).toMatchObject({
      code: "CONFIG_INVALID",
      message: `Invalid manifest.json file in image: ${IMAGE}.`,
    });
  });

  test("has a default named __proto__ as a default like others", () => {
    const { defaultValues } = parseExportsManifest(
      Buffer.from('{"defaultValues":{"__proto__":"x","A":"y"}}'),
      IMAGE,
    );
    expect(Object.keys(defaultValues)).toEqual(["__proto__", "A"]);
  });
});

test("healthOfManifest() fills the probe's template", () => {
  const { health } = manifest({ berth: { health: { http: "$PORT/ready", limit: 5 } } });
  if (health === undefined) throw new Error("no health check");
  expect(healthOfManifest(health, { PORT: "8081" })).toEqual({
    probe: { type: "http", host: "127.0.0.1", port: 8081, path: "/ready" },
    interval: 1,
    timeout: 5,
    limit: 5,
  });
});
