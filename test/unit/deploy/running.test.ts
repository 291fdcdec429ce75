import { expect, test } from "vitest";
import { healthOf, parseHealthProbe } from "../../../src/deploy/health.ts";
import { networkDirectives, parseNetwork } from "../../../src/deploy/network.ts";
import { mountUnitName, writableRoot } from "../../../src/deploy/writable-root.ts";

test.each([
  ["host", { type: "host" }],
  ["private", { type: "private" }],
  ["ns:blue", { type: "namespace", path: "/run/netns/blue" }],
  ["ns:/proc/1/ns/net", { type: "namespace", path: "/proc/1/ns/net" }],
])("parseNetwork(%j)", (text, network) => {
  expect(parseNetwork(text)).toEqual(network);
});

test.each(["", "bridge", "ns:", "ns:../x", "ns:/a/../b", "ns:a b"])("parseNetwork() refuses %j", (text) => {
  expect(() => parseNetwork(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
});

test("networkDirectives() gives the network to the unit", () => {
  expect(networkDirectives(parseNetwork("host"))).toEqual([]);
  expect(networkDirectives(parseNetwork("private"))).toEqual([["PrivateNetwork", "yes"]]);
  expect(networkDirectives(parseNetwork("ns:blue"))).toEqual([["NetworkNamespacePath", "/run/netns/blue"]]);
});

test.each([
  [{ cmd: "true" }, { type: "exec", command: ["/bin/sh", "-c", "true"] }],
  [{ tcp: "5432" }, { type: "tcp", host: "127.0.0.1", port: 5432 }],
  [{ tcp: "[::1]:80" }, { type: "tcp", host: "::1", port: 80 }],
  [{ http: "80/" }, { type: "http", host: "127.0.0.1", port: 80, path: "/" }],
  [
    { http: "http://example.com/health?x=1" },
    { type: "http", host: "example.com", port: 80, path: "/health?x=1" },
  ],
  [{ http: "localhost:8080" }, { type: "http", host: "localhost", port: 8080, path: "/" }],
  [{}, undefined],
])("parseHealthProbe(%j)", (options, probe) => {
  expect(parseHealthProbe(options)).toEqual(probe);
});

test.each([{ tcp: "x" }, { tcp: "0" }, { tcp: "70000" }, { http: "80/a b" }, { tcp: "1", http: "1" }])(
  "parseHealthProbe() refuses %j",
  (options) => {
    expect(() => parseHealthProbe(options)).toThrow(expect.objectContaining({ code: "USAGE" }));
  },
);

const check = { test: ["CMD", "/check"], interval: 2e9, retries: 5, startPeriod: 3e9 };

test("healthOf() takes the image's check, with its times", () => {
  expect(healthOf({}, { image: { healthcheck: check }, notify: false })).toEqual({
    probe: { type: "exec", command: ["/check"] },
    interval: 2,
    timeout: 30,
    limit: 13,
  });
});

test.each([
  ["the image has none", {}, { image: {}, notify: false }],
  ["the service notifies", {}, { image: { healthcheck: check }, notify: true }],
  ["the image says NONE", {}, { image: { healthcheck: { test: ["NONE"] } }, notify: false }],
  ["it is turned off", { off: true }, { image: { healthcheck: check }, notify: false }],
])("healthOf() asks nothing when %s", (_, request, about) => {
  expect(healthOf(request, about)).toBeUndefined();
});

test("healthOf() takes the admin's probe before the image's", () => {
  const probe = { type: "tcp", host: "127.0.0.1", port: 1 } as const;
  expect(healthOf({ probe, limit: 9 }, { image: { healthcheck: check }, notify: true })).toMatchObject({
    probe,
    limit: 9,
  });
});

test("mountUnitName() escapes as systemd-escape --path does", () => {
  expect(mountUnitName("/var/lib/berth/containers/my-db.0/root")).toBe(
    String.raw`var-lib-berth-containers-my\x2ddb.0-root.mount`,
  );
  expect(() => mountUnitName(`/${"-".repeat(200)}`)).toThrow(
    expect.objectContaining({ code: "UNIT_INVALID" }),
  );
});

test.each(["keep", "discard"] as const)("writableRoot(%j) mounts an overlay by a unit of its own", (how) => {
  const made = writableRoot(how, { name: "x", dir: "/s/x.0", state: "/s" });
  expect(made.units.map(({ name }) => name)).toEqual(
    how === "keep" ? ["s-x.0-root.mount"] : ["s-x.0-root.mount", "x-discard.service"],
  );
  expect(made.units[0]?.text).toContain(
    "Options=lowerdir=/s/x.0/rootfs,upperdir=/s/x.0/upper,workdir=/s/x.0/work\n",
  );
  expect(made.path).toBe("/s/x.0/root");
});
