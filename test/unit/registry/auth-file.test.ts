import { expect, test } from "vitest";
import { findInAuthFile, parseAuthFile } from "../../../src/registry/auth-file.ts";
import { failureOf } from "../../support/failures.ts";

const auth = (user: string, password = "pw"): { auth: string } => ({
  auth: Buffer.from(`${user}:${password}`).toString("base64"),
});

function find(auths: Record<string, unknown>, name: string, legacy = false): unknown {
  const [host = "", ...repository] = name.split("/");
  const text = JSON.stringify(legacy ? auths : { auths });
  return findInAuthFile(parseAuthFile(text, { path: "auth.json", legacy }), {
    host,
    repository: repository.join("/"),
  });
}

test.each([
  ["host", { "a.io": auth("host") }, "a.io/x/y"],
  ["ns", { "a.io": auth("host"), "a.io/x": auth("ns") }, "a.io/x/y"],
  ["repo", { "a.io/x": auth("ns"), "a.io/x/y": auth("repo") }, "a.io/x/y"],
  ["host", { "a.io": auth("host"), "a.io/x": auth("ns") }, "a.io/xx/y"],
  ["port", { "a.io": auth("host"), "a.io:5000": auth("port") }, "a.io:5000/x"],
  ["scheme", { "https://a.io/v2/": auth("scheme") }, "a.io/x"],
  ["hub", { "https://index.docker.io/v1/": auth("hub") }, "docker.io/library/x"],
  ["hub", { "registry-1.docker.io": auth("hub") }, "docker.io/library/x"],
  ["hub", { "docker.io": auth("hub") }, "docker.io/library/x"],
])("findInAuthFile takes the entry %s of %j for %s", (user, auths, name) => {
  expect(find(auths, name)).toEqual({ user, password: "pw" });
});

test.each([
  ["another host", { "a.io": auth("u") }, "b.io/x"],
  ["a host that begins alike", { "a.io": auth("u") }, "a.io.evil.com/x"],
  ["another port", { "a.io:5000": auth("u") }, "a.io/x"],
  ["an empty entry", { "a.io": {} }, "a.io/x"],
  ["a path key for another repository", { "a.io/x": auth("u") }, "a.io/y"],
])("findInAuthFile finds nothing for %s", (_, auths, name) => {
  expect(find(auths, name)).toBeUndefined();
});

test("findInAuthFile reads the odd forms", () => {
  expect(find({ "a.io": auth("u", "p:w\u0000\u0000") }, "a.io/x")).toEqual({ user: "u", password: "p:w" });
  expect(find({ "a.io": { identitytoken: "t", auth: "" } }, "a.io/x")).toEqual({ identityToken: "t" });
  expect(find({ "https://a.io/v1/": auth("old") }, "a.io/x", true)).toEqual({ user: "old", password: "pw" });
  expect(findInAuthFile(parseAuthFile("", { path: "x" }), { host: "a", repository: "b" })).toBeUndefined();
});

test.each(['{"auths":{"a.io":{"auth":"c2VjcmV0"', '{"auths":[]}', '{"auths":{"a.io":"secret"}}', "c2VjcmV0"])(
  "parseAuthFile refuses %s without showing it",
  async (text) => {
    const failure = await failureOf(() => parseAuthFile(text, { path: "/etc/auth.json" }));
    expect(failure.code).toBe("CONFIG_INVALID");
    expect(failure.message).toContain("/etc/auth.json");
    expect(failure.message).not.toMatch(/secret|c2VjcmV0/);
    expect(failure.cause).toBeUndefined();
  },
);

test("findInAuthFile refuses an entry that is not user:password, without showing it", async () => {
  const failure = await failureOf(() => find({ "a.io": { auth: "c2VjcmV0" } }, "a.io/x"));
  expect(failure).toMatchObject({ code: "CONFIG_INVALID" });
  expect(failure.message).not.toMatch(/secret|c2VjcmV0/);
});
