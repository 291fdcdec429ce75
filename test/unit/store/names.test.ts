import { describe, expect, test } from "vitest";
import type { Digest } from "../../../src/oci/digest.ts";
import { encodeName } from "../../../src/store/image-records.ts";
import { layoutOf } from "../../../src/store/layout.ts";
import { matchName } from "../../../src/store/match-name.ts";
import { objectName } from "../../../src/store/object-name.ts";

const digest = (start: string): Digest => `sha256:${start.padEnd(64, "0")}`;

const RECORDS = [
  { name: "docker.io/library/busybox:latest", digest: digest("aaaaaaaa1") },
  { name: "docker.io/library/busybox:1.36", digest: digest("aaaaaaaa2") },
  { name: "quay.io/coreos/etcd:latest", digest: digest("bbbbbbbb") },
  { name: "registry.example:5000/coreos/etcd:latest", digest: digest("cccccccc") },
  { name: "registry.example:5000/net/flannel:v1@sha256:0123", digest: digest("dddddddd") },
  { name: "oci:/srv/images/nginx:1", digest: digest("eeeeeeee") },
  { name: "mine", digest: digest("eeeeeeee") },
];

describe("matchName()", () => {
  test.each([
    ["docker.io/library/busybox:latest", "docker.io/library/busybox:latest"],
    ["docker.io/library/busybox", "docker.io/library/busybox:latest"],
    ["docker.io/busybox", "docker.io/library/busybox:latest"],
    ["docker://docker.io/busybox:1.36", "docker.io/library/busybox:1.36"],
    ["busybox", "docker.io/library/busybox:latest"],
    ["busybox:1.36", "docker.io/library/busybox:1.36"],
    ["library/busybox", "docker.io/library/busybox:latest"],
    ["quay.io/coreos/etcd", "quay.io/coreos/etcd:latest"],
    ["flannel:v1", "registry.example:5000/net/flannel:v1@sha256:0123"],
    ["oci:/srv/images/nginx:1", "oci:/srv/images/nginx:1"],
    ["nginx:1", "oci:/srv/images/nginx:1"],
    ["mine", "mine"],
    ["aaaaaaaa1", "docker.io/library/busybox:latest"],
    ["sha256:bbbbbbbb", "quay.io/coreos/etcd:latest"],
    [digest("bbbbbbbb"), "quay.io/coreos/etcd:latest"],
    ["eeeeeeee", "oci:/srv/images/nginx:1"],
    ["box", undefined],
    ["busybox:2", undefined],
    ["aaaaaaa", undefined],
    ["sha512:bbbbbbbb", undefined],
    ["", undefined],
    ["latest", undefined],
  ])("%j is %s", (typed, expected) => {
    expect(matchName(typed, RECORDS)?.name).toBe(expected);
  });

  test.each([
    ["etcd", "etcd may mean quay.io/coreos/etcd:latest, registry.example:5000/coreos/etcd:latest"],
    ["aaaaaaaa", "aaaaaaaa may mean docker.io/library/busybox:latest, docker.io/library/busybox:1.36"],
  ])("%j is ambiguous", (typed, message) => {
    expect(() => matchName(typed, RECORDS)).toThrow(
      expect.objectContaining({ code: "NAME_AMBIGUOUS", message }),
    );
  });
});

describe("encodeName()", () => {
  test.each([
    ["docker.io/library/a_b-c:1.0", "docker.io%2Flibrary%2Fa_b-c%3A1.0"],
    ["oci:../x y", "oci%3A..%2Fx%20y"],
    [".hidden", "%2Ehidden"],
    ["..", "%2E."],
    ["ü%", "%C3%BC%25"],
  ])("%j is %j", (name, expected) => {
    expect(encodeName(name)).toBe(expected);
  });

  test("a long name is known by its hash", () => {
    expect(encodeName("x/".repeat(200))).toMatch(/^%[0-9a-f]{64}$/);
  });
});

describe("objectName()", () => {
  const attributes = { mode: 0o4755, uid: 1000, gid: 4_000_000_000, mtime: 7n, xattrs: [] };
  const xattr = (name: string, value: string): { name: string; value: Buffer } => ({
    name,
    value: Buffer.from(value),
  });

  test("shows the content's SHA-256, mode and owner", () => {
    expect(objectName("ab".repeat(32), attributes)).toBe(`${"ab".repeat(32)}.4755.1000.4000000000`);
  });

  test("tells extended attributes apart, names and values", () => {
    const names = [
      [xattr("user.a", "b")],
      [xattr("user.a", "c")],
      [xattr("user.ab", "")],
      [xattr("user.a", ""), xattr("user.b", "")],
    ].map((xattrs) => objectName("ab", { ...attributes, xattrs }));
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(name).toMatch(/^ab\.4755\.1000\.4000000000\.[0-9a-f]{16}$/);
  });
});

test("layoutOf() knows the places", () => {
  const layout = layoutOf("/s");
  expect([
    layout.object("abcd.644.0.0"),
    layout.layer(digest("ab")),
    layout.image(digest("cd")),
    layout.container("etcd"),
    layout.deployment("etcd", 1),
    layout.deploymentTmp("etcd", 1),
    layout.deploymentOld("etcd", 0),
    layout.journal("etcd"),
    layout.containerLock("etcd"),
  ]).toEqual([
    "/s/store/objects/ab/abcd.644.0.0",
    `/s/store/layers/${"ab".padEnd(64, "0")}`,
    `/s/store/images/${"cd".padEnd(64, "0")}.json`,
    "/s/containers/etcd",
    "/s/containers/etcd.1",
    "/s/containers/etcd.1.tmp",
    "/s/containers/etcd.0.old",
    "/s/containers/.journal/etcd.json",
    "/s/containers/.lock/etcd",
  ]);
});
