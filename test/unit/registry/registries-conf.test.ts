import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { formatReference, parseReference, type RegistryReference } from "../../../src/oci/reference.ts";
import { namedEndpoint, pullEndpoints } from "../../../src/registry/endpoints.ts";
import { loadRegistriesConf } from "../../../src/registry/load-registries-conf.ts";
import {
  EMPTY_REGISTRIES_CONF,
  parseRegistriesConf,
  type RegistriesConf,
} from "../../../src/registry/registries-conf.ts";
import { failureOf } from "../../support/failures.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

afterEach(() => vi.unstubAllEnvs());

const conf = (...registry: object[]): RegistriesConf => parseRegistriesConf({ registry }, "registries.conf");

function resolve(config: RegistriesConf, name: string): string {
  const endpoints = pullEndpoints(config, parseReference(name) as RegistryReference);
  return endpoints
    .map(({ reference, insecure }) => `${formatReference(reference)}${insecure ? " insecure" : ""}`)
    .join(", ");
}

const DIGEST = `sha256:${"a".repeat(64)}`;
const USED = {
  location: "a.io",
  mirror: [
    { location: "all.io", "pull-from-mirror": "all" },
    { location: "digest.io", "pull-from-mirror": "digest-only" },
    { location: "tag.io", "pull-from-mirror": "tag-only" },
  ],
};
const BY_DIGEST = { location: "a.io", "mirror-by-digest-only": true, mirror: [{ location: "m.io" }] };

test.each([
  [[], "a.io/x", "a.io/x:latest"],
  [[{ location: "a.io", insecure: true }], "a.io/x", "a.io/x:latest insecure"],
  [[{ location: "a.io", insecure: true }], "b.io/x", "b.io/x:latest"],
  [[{ location: "a.io", insecure: true }], "a.io.evil.com/x", "a.io.evil.com/x:latest"],
  [[{ location: "a.io:5000", insecure: true }], "a.io:5000/x", "a.io:5000/x:latest insecure"],
  [[{ prefix: "a.io", location: "b.io" }], "a.io/x/y:1", "b.io/x/y:1"],
  [[{ prefix: "a.io/x", location: "b.io/z/" }], "a.io/x/y:1", "b.io/z/y:1"],
  [[{ prefix: "a.io/x", location: "b.io/z" }], "a.io/xy:1", "a.io/xy:1"],
  [[{ prefix: "a.io/x/y", location: "b.io/z" }], `a.io/x/y@${DIGEST}`, `b.io/z@${DIGEST}`],
  [
    [
      { prefix: "a.io/x", location: "long.io" },
      { prefix: "a.io", location: "short.io" },
    ],
    "a.io/x/y:1",
    "long.io/y:1",
  ],
  [[{ prefix: "*.a.io", insecure: true }], "sub.a.io/x:1", "sub.a.io/x:1 insecure"],
  [[{ prefix: "*.a.io", insecure: true }], "deep.sub.a.io:5000/x:1", "deep.sub.a.io:5000/x:1 insecure"],
  [[{ prefix: "*.a.io", insecure: true }], "a.io/x:1", "a.io/x:1"],
  [[{ prefix: "*.a.io", location: "b.io/cache" }], "sub.a.io/x:1", "b.io/cache/x:1"],
  [
    [{ prefix: "docker.io/library", location: "mirror.io:5000/hub" }],
    "busybox",
    "mirror.io:5000/hub/busybox:latest",
  ],
  [[{ prefix: "docker.io", location: "mirror.io" }], "busybox", "mirror.io/library/busybox:latest"],
  [
    [{ location: "a.io", mirror: [{ location: "m.io/a", insecure: true }, { location: "n.io" }] }],
    "a.io/x/y:1",
    "m.io/a/x/y:1 insecure, n.io/x/y:1, a.io/x/y:1",
  ],
  [
    [{ prefix: "a.io/x", location: "b.io/z", mirror: [{ location: "m.io" }] }],
    "a.io/x/y:1",
    "m.io/y:1, b.io/z/y:1",
  ],
  [[{ prefix: "*.a.io", mirror: [{ location: "m.io" }] }], "s.a.io/x:1", "m.io/x:1, s.a.io/x:1"],
  [[USED], "a.io/x:1", "all.io/x:1, tag.io/x:1, a.io/x:1"],
  [[USED], `a.io/x@${DIGEST}`, `all.io/x@${DIGEST}, digest.io/x@${DIGEST}, a.io/x@${DIGEST}`],
  [[USED], `a.io/x:1@${DIGEST}`, `all.io/x:1@${DIGEST}, digest.io/x:1@${DIGEST}, a.io/x:1@${DIGEST}`],
  [[BY_DIGEST], "a.io/x:1", "a.io/x:1"],
  [[BY_DIGEST], `a.io/x@${DIGEST}`, `m.io/x@${DIGEST}, a.io/x@${DIGEST}`],
] as [object[], string, string][])("pullEndpoints with %j leads %s to %s", (tables, name, expected) => {
  expect(resolve(conf(...tables), name)).toBe(expected);
});

test("pullEndpoints refuses a blocked registry", async () => {
  const blocked = conf({ prefix: "a.io/bad", location: "a.io/bad", blocked: true });
  const failure = await failureOf(() => resolve(blocked, "a.io/bad/x"));
  expect(failure).toMatchObject({
    code: "DENIED",
    message: "registry a.io/bad is blocked in registries.conf",
  });
  expect(resolve(blocked, "a.io/good/x")).toBe("a.io/good/x:latest");
});

test("namedEndpoint: what is written to is the registry that is named, never a location or a mirror", async () => {
  const tables = [
    { prefix: "a.io", location: "b.io", insecure: true, mirror: [{ location: "m.io" }] },
    { location: "bad.io", blocked: true },
  ];
  const named = (name: string) => namedEndpoint(conf(...tables), parseReference(name) as RegistryReference);
  expect(named("a.io/x:1")).toMatchObject({ reference: { registry: "a.io" }, insecure: true });
  expect(named("c.io/x:1")).toMatchObject({ reference: { registry: "c.io" }, insecure: false });
  expect((await failureOf(() => named("bad.io/x"))).code).toBe("DENIED");
});

test("pullEndpoints refuses a location that is no registry", async () => {
  const failure = await failureOf(() => resolve(conf({ prefix: "a.io", location: "nohost" }), "a.io/x"));
  expect(failure).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining('"nohost"') });
});

test.each([
  ["neither prefix nor location", { registry: [{ insecure: true }] }],
  ["no location", { registry: [{ prefix: "a.io" }] }],
  ["write host/path without a scheme", { registry: [{ location: "https://a.io" }] }],
  ["a wildcard stands only for subdomains", { registry: [{ prefix: "a.*.io", location: "b.io" }] }],
  ["a wildcard stands only for subdomains", { registry: [{ prefix: "*.a.io/x", location: "b.io" }] }],
  ["insecure is not true or false", { registry: [{ location: "a.io", insecure: "yes" }] }],
  ["not an array of tables", { registry: { location: "a.io" } }],
  ["not an array of strings", { "unqualified-search-registries": "docker.io" }],
  ["old version 1", { registries: { search: { registries: ["a.io"] } } }],
  [
    "is mixed with version 2",
    { registries: { search: { registries: ["a.io"] } }, registry: [{ location: "a.io" }] },
  ],
  ["a mirror has no location", { registry: [{ location: "a.io", mirror: [{ insecure: true }] }] }],
  ["mirror is not an array of tables", { registry: [{ location: "a.io", mirror: { location: "m.io" } }] }],
  ["belongs into a [[registry.mirror]]", { registry: [{ location: "a.io", "pull-from-mirror": "all" }] }],
  [
    "exclude each other",
    {
      registry: [
        {
          location: "a.io",
          "mirror-by-digest-only": true,
          mirror: [{ location: "m.io", "pull-from-mirror": "all" }],
        },
      ],
    },
  ],
  [
    "pull-from-mirror is not one of all, digest-only, tag-only",
    { registry: [{ location: "a.io", mirror: [{ location: "m.io", "pull-from-mirror": "some" }] }] },
  ],
  ["short-name-mode is not one of", { "short-name-mode": "strict" }],
  ["aliases is not a table", { aliases: ["a"] }],
  ['the alias "a" is not a string', { aliases: { a: 1 } }],
])("parseRegistriesConf says %s", async (message, toml) => {
  const failure = await failureOf(() => parseRegistriesConf(toml, "/etc/x.conf"));
  expect(failure.code).toBe("CONFIG_INVALID");
  expect(failure.message).toContain("/etc/x.conf: ");
  expect(failure.message).toContain(message);
});

async function rootWith(files: Record<string, string>): Promise<string> {
  const root = await temporaryDirectory("conf");
  await mkdir(join(root, "etc/containers/registries.conf.d"), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, "etc/containers", name), text);
  return root;
}

test("loadRegistriesConf lays the drop-ins over the file, in the order of their names", async () => {
  const root = await rootWith({
    "registries.conf":
      'unqualified-search-registries = ["one.io"]\n[[registry]]\nlocation = "a.io"\ninsecure = true\n',
    "registries.conf.d/10-x.conf":
      'unqualified-search-registries = ["two.io"]\n[[registry]]\nlocation = "b.io"\nblocked = true\n',
    "registries.conf.d/20-y.conf":
      'unqualified-search-registries = ["three.io", "four.io"]\n[[registry]]\nlocation = "a.io"\n[[registry]]\nprefix = "b.io"\nlocation = "c.io"\n',
    "registries.conf.d/30-z.conf.bak": "not toml",
  });
  const loaded = await loadRegistriesConf(root);
  expect(resolve(loaded, "a.io/x")).toBe("a.io/x:latest");
  expect(resolve(loaded, "b.io/x")).toBe("c.io/x:latest");
  expect(loaded.search).toEqual(["three.io", "four.io"]);
});

test("loadRegistriesConf is empty without files", async () => {
  const root = await rootWith({});
  expect(await loadRegistriesConf(join(root, "none"))).toEqual(EMPTY_REGISTRIES_CONF);
});

test("loadRegistriesConf names the file that is not TOML", async () => {
  const root = await rootWith({ "registries.conf.d/50-bad.conf": 'x = "\u001b' });
  const failure = await failureOf(() => loadRegistriesConf(root));
  expect(failure.code).toBe("CONFIG_INVALID");
  expect(failure.message).toContain("50-bad.conf");
  expect(failure.message).not.toMatch(/\p{Cc}/u);
});

test("loadRegistriesConf: on the host itself the user's file takes the place of the system's", async () => {
  const home = await temporaryDirectory("home");
  await mkdir(join(home, ".config/containers"), { recursive: true });
  const text = 'unqualified-search-registries = ["mine.example"]\n';
  await writeFile(join(home, ".config/containers/registries.conf"), text);
  vi.stubEnv("HOME", home);
  expect((await loadRegistriesConf("/")).search).toEqual(["mine.example"]);
});
