import { describe, expect, test } from "vitest";
import { checkName, deploymentOf, excludedBy } from "../../../src/deploy/name.ts";
import { orderDirectives } from "../../../src/deploy/order.ts";
import { seenFrom } from "../../../src/deploy/paths.ts";
import { mergeEnvironment, processOf } from "../../../src/deploy/process.ts";
import { parseVolume, stateDirectory } from "../../../src/deploy/volume.ts";
import { facts } from "./facts.ts";

describe("checkName()", () => {
  test.each(["etcd", "etcd.0", "a_b-c.d", "Etcd2", "0"])("takes %s", (name) => {
    expect(checkName(name)).toBe(name);
  });
  test.each([
    ["", "empty"],
    ["-x", "begins with"],
    [".x", "begins with"],
    ["a b", '" "'],
    ["a/b", '"/"'],
    ["a@b", '"@"'],
    ["a:b", '":"'],
    ["ä", '"ä"'],
    ["etcd.service", "ends like a unit"],
    ["etcd.0.tmp", "unfinished"],
    ["x".repeat(201), "longer than 200"],
  ])("refuses %j", (name, reason) => {
    expect(() => checkName(name)).toThrow(
      expect.objectContaining({ code: "NAME_INVALID", message: expect.stringContaining(reason) }),
    );
  });
});

test.each([
  ["etcd.0", { name: "etcd", number: 0, staged: false }],
  ["etcd.12.tmp", { name: "etcd", number: 12, staged: true }],
  ["a.b.3.old", { name: "a.b", number: 3, staged: true }],
  ["etcd", undefined],
  ["etcd.tmp", undefined],
])("deploymentOf() reads %s", (entry, expected) => {
  expect(deploymentOf(entry)).toEqual(expected);
});

test.each([
  ["etcd.0", ["etcd"], "etcd"],
  ["etcd", ["etcd.1"], "etcd.1"],
  ["etcd", ["etcdctl", "etc"], undefined],
])("excludedBy() for %s beside %j", (name, installed, expected) => {
  expect(excludedBy(name, installed)).toBe(expected);
});

describe("orderDirectives()", () => {
  test("gives After= its Wants=, Requires= its After=, and each unit one word", () => {
    expect(
      orderDirectives({
        after: ["etcd", "network.target"],
        before: ["docker"],
        requires: ["etcd"],
        wants: ["x.timer"],
        partOf: ["k8s.target"],
      }),
    ).toEqual([
      ["Wants", "network.target x.timer"],
      ["Requires", "etcd.service"],
      ["PartOf", "k8s.target"],
      ["After", "etcd.service network.target"],
      ["Before", "docker.service"],
    ]);
  });
  test.each(["a b", "a\nb.service", "", "x/y"])("refuses %j", (name) => {
    expect(() => orderDirectives({ after: [name], before: [], requires: [], wants: [], partOf: [] })).toThrow(
      expect.objectContaining({ code: "NAME_INVALID" }),
    );
  });
});

describe("parseVolume()", () => {
  test.each([
    ["/a:/b", { source: "/a", destination: "/b", readonly: false }],
    ["/a/../c:/b/:ro", { source: "/c", destination: "/b", readonly: true }],
    ["/a:/b:rw", { source: "/a", destination: "/b", readonly: false }],
  ])("reads %s", (text, expected) => {
    expect(parseVolume(text)).toEqual(expected);
  });
  test.each(["/a", "/a:", ":/b", "a:/b", "/a:b", "/a:/b:z", "/a:/b:ro:x", "/a:/", "/a:/b\nc"])(
    "refuses %j",
    (text) => {
      expect(() => parseVolume(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
    },
  );
});

test("stateDirectory() joins a volume's path with dashes below the container's own directory", () => {
  expect(stateDirectory("db", "/var/lib/postgresql/")).toBe("/var/lib/db/var-lib-postgresql");
});

test.each([
  ["/", "/var/lib/berth", "/var/lib/berth"],
  ["/mnt/tree", "/mnt/tree/var/lib/berth", "/var/lib/berth"],
  ["/mnt/tree", "/srv/state", "/srv/state"],
  ["/mnt/tree", "/mnt/tree2/x", "/mnt/tree2/x"],
])("seenFrom(%s, %s)", (root, path, expected) => {
  expect(seenFrom(root, path)).toBe(expected);
});

test("mergeEnvironment() keeps the place of a variable and the last value", () => {
  expect(mergeEnvironment(["A=1", "B=2"], ["A=3", "C="], ["B=x=y"])).toEqual(["A=3", "B=x=y", "C="]);
});

describe("processOf()", () => {
  const { user } = facts();
  const config = { env: ["PATH=/opt/bin:/bin"], volumes: [], exposedPorts: [], labels: {}, cmd: [] };
  test("finds a bare name in the image's own PATH", () => {
    const isExecutable = (path: string): boolean => path === "/bin/app";
    const { args } = processOf(
      { ...config, entrypoint: ["app", "-x"] },
      { user, environment: [], isExecutable },
    );
    expect(args).toEqual(["/bin/app", "-x"]);
  });
  test("finds a relative name from the working directory", () => {
    const { args, cwd } = processOf(
      { ...config, entrypoint: ["./run"], workingDir: "/srv/" },
      { user, environment: [], isExecutable: (path) => path === "/srv/run" },
    );
    expect([args, cwd]).toEqual([["/srv/run"], "/srv"]);
  });
});
