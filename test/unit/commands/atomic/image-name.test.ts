import { expect, test } from "vitest";
import { readImageName } from "../../../../src/commands/atomic/image-name.ts";

test.each([
  ["etcd", { image: "etcd" }],
  ["registry.example.com:5000/team/etcd:3.5", { image: "registry.example.com:5000/team/etcd:3.5" }],
  ["docker://quay.io/etcd", { image: "docker://quay.io/etcd" }],
  ["oci:quay.io/etcd:3", { image: "quay.io/etcd:3" }],
  ["oci:/srv/layout:latest", { image: "oci:/srv/layout:latest" }],
  ["oci:./layout", { image: "oci:./layout" }],
  ["https:quay.io/etcd", { image: "quay.io/etcd" }],
  ["https://quay.io/etcd", { image: "quay.io/etcd" }],
  ["http:localhost:5000/etcd", { image: "localhost:5000/etcd", tlsVerify: false }],
  ["docker:etcd:3.5", { image: "docker-daemon:etcd:3.5", as: "etcd:3.5" }],
  ["docker:etcd", { image: "docker-daemon:etcd", as: "etcd:latest" }],
  ["docker:quay.io/etcd:3", { image: "docker-daemon:quay.io/etcd:3", as: "quay.io/etcd:3" }],
  ["docker-archive:/srv/etcd.tar", { image: "docker-archive:/srv/etcd.tar" }],
])("84: readImageName(%s) is the image in berth's words", async (typed, source) => {
  expect(await readImageName(typed)).toEqual(source);
});
