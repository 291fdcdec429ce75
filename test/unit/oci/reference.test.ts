import { expect, test } from "vitest";
import { containerNameOf, formatReference, isShortName, parseReference } from "../../../src/oci/reference.ts";
import { failureOf } from "../../support/failures.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

test.each([
  ["busybox", "docker.io/library/busybox:latest", "busybox"],
  ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox-1.36"],
  ["docker://busybox", "docker.io/library/busybox:latest", "busybox"],
  ["docker.io/busybox", "docker.io/library/busybox:latest", "busybox"],
  ["index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox"],
  ["coreos/etcd", "docker.io/coreos/etcd:latest", "etcd"],
  ["foo.bar", "docker.io/library/foo.bar:latest", "foo.bar"],
  ["localhost/a", "localhost/a:latest", "a"],
  ["localhost:5000/a", "localhost:5000/a:latest", "a"],
  ["registry:5000/a/b:x", "registry:5000/a/b:x", "b-x"],
  ["[::1]:5000/a", "[::1]:5000/a:latest", "a"],
  ["127.0.0.1:5000/team/app:1.0", "127.0.0.1:5000/team/app:1.0", "app-1.0"],
  [`quay.io/coreos/etcd@${DIGEST}`, `quay.io/coreos/etcd@${DIGEST}`, "etcd"],
  [`quay.io/coreos/etcd:v3@${DIGEST}`, `quay.io/coreos/etcd:v3@${DIGEST}`, "etcd-v3"],
  ["quay.io/a/b__c-d.e:T_a.g-1", "quay.io/a/b__c-d.e:T_a.g-1", "b__c-d.e-T_a.g-1"],
  ["oci:/srv/images/etcd", "oci:/srv/images/etcd", "etcd"],
  ["oci:/srv/images/etcd:latest", "oci:/srv/images/etcd:latest", "etcd"],
  ["oci:/srv/images/etcd:3.5", "oci:/srv/images/etcd:3.5", "etcd-3.5"],
  ["oci:/srv/x:docker.io/library/a:1", "oci:/srv/x:docker.io/library/a:1", "x-docker.io/library/a:1"],
  ["oci:/srv/x:@3", "oci:/srv/x:@3", "x"],
  ["oci-archive:/srv/etcd.tar", "oci-archive:/srv/etcd.tar", "etcd"],
  ["oci-archive:etcd.oci.tar.gz:3.5", "oci-archive:etcd.oci.tar.gz:3.5", "etcd-3.5"],
  ["docker-archive:/srv/etcd.tgz", "docker-archive:/srv/etcd.tgz", "etcd"],
  ["docker-archive:/srv/a.tar:etcd", "docker-archive:/srv/a.tar:docker.io/library/etcd:latest", "etcd"],
  ["docker-archive:/srv/a.tar:host:5000/etcd:3", "docker-archive:/srv/a.tar:host:5000/etcd:3", "etcd-3"],
  ["docker-archive:/srv/a.tar:@0", "docker-archive:/srv/a.tar:@0", "a"],
  ["dir:/srv/etcd", "dir:/srv/etcd", "etcd"],
  ["dir:/srv/with:colon", "dir:/srv/with:colon", "with:colon"],
  ["docker-daemon:etcd:3", "docker-daemon:docker.io/library/etcd:3", "etcd-3"],
  [`docker-daemon:${DIGEST}`, `docker-daemon:${DIGEST}`, "aaaaaaaaaaaa"],
  ["containers-storage:localhost/etcd:3", "containers-storage:localhost/etcd:3", "etcd-3"],
  ["containers-storage:[vfs@/a+/b]localhost/etcd", "containers-storage:[vfs@/a+/b]localhost/etcd", "etcd"],
])("parseReference reads %s as %s, container %s", (text, full, name) => {
  const reference = parseReference(text);
  expect(formatReference(reference)).toBe(full);
  expect(containerNameOf(reference)).toBe(name);
  expect(parseReference(full)).toEqual(reference);
});

test("parseReference qualifies a short name with the default registry", () => {
  expect(formatReference(parseReference("etcd", { defaultRegistry: "quay.io" }))).toBe("quay.io/etcd:latest");
  expect(formatReference(parseReference("docker://etcd", { defaultRegistry: "quay.io" }))).toBe(
    "docker.io/library/etcd:latest",
  );
});

test.each([
  "",
  "docker://",
  "Busybox",
  "a/B",
  "a:b:c",
  "a:",
  "a@",
  `a@${DIGEST}@${DIGEST}`,
  "a@sha256:../../etc/passwd",
  `a@${DIGEST.toUpperCase()}`,
  "a//b",
  "/a",
  "a/",
  "a/../b",
  "-a.b/c",
  "a.b:port/c",
  "quay.io/",
  "a b",
  "a\u001b[31m",
  "a:\u0000",
  `a:${"t".repeat(129)}`,
  `quay.io/${"a".repeat(250)}`,
  "f".repeat(64),
  "https://quay.io/a",
  "http:a",
  "oci:",
  "oci::tag",
  "oci:/x:",
  "oci:/x:a b",
  "oci:/x\u0000",
  "oci-archive:",
  "docker-archive:/x:a@b",
  "dir:",
  "docker-daemon:a:b:c",
  "docker-daemon:",
  "oci:/x:@",
  "oci:/x:@a",
  "docker-archive:/x:@-1",
  "docker-archive:/x:A",
  "containers-storage:",
  "containers-storage:--help",
  "containers-storage:a b",
])("parseReference refuses %j", async (text) => {
  const failure = await failureOf(() => parseReference(text));
  expect(failure.code).toBe("REFERENCE_INVALID");
  expect(failure.message).not.toMatch(/\p{Cc}/u);
  expect(failure.hint).toContain("registry/repository:tag");
});

test.each([
  ["busybox", true],
  ["library/busybox:1", true],
  [`busybox@${DIGEST}`, true],
  ["quay.io/a", false],
  ["localhost/a", false],
  ["docker://busybox", false],
  ["oci:/x", false],
])("isShortName says %s: %s", (text, short) => {
  expect(isShortName(text)).toBe(short);
});
