import { mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { parseReference } from "../../../src/oci/reference.ts";
import { checkPolicy } from "../../../src/trust/check-policy.ts";
import { loadPolicy } from "../../../src/trust/load-policy.ts";
import { type Policy, parsePolicy } from "../../../src/trust/policy.ts";
import { requirementsFor } from "../../../src/trust/scopes.ts";
import type { Subject } from "../../../src/trust/verdict.ts";
import { failureOf } from "../../support/failures.ts";

afterEach(() => vi.unstubAllEnvs());

const ACCEPT = [{ type: "insecureAcceptAnything" }];
const REJECT = [{ type: "reject" }];
const SIGNED = [{ type: "signedBy", keyType: "GPGKeys", keyPath: "/k" }];
const DIGEST = `sha256:${"a".repeat(64)}`;

/** A policy that rejects by default and knows these scopes. */
function policyOf(transport: string, scopes: string[]): Policy {
  const known = Object.fromEntries(scopes.map((scope) => [scope, ACCEPT]));
  return parsePolicy(JSON.stringify({ default: REJECT, transports: { [transport]: known } }));
}

test.each([
  ["a.io/x/y:1", ["a.io/x/y:1", "a.io/x/y"], "a.io/x/y:1"],
  ["a.io/x/y:2", ["a.io/x/y:1", "a.io/x/y", "a.io/x"], "a.io/x/y"],
  [`a.io/x/y@${DIGEST}`, [`a.io/x/y@${DIGEST}`, "a.io/x/y"], `a.io/x/y@${DIGEST}`],
  [`a.io/x/y:1@${DIGEST}`, ["a.io/x/y:1", "a.io/x"], "a.io/x"],
  ["a.io/x/y:2", ["a.io/x", "a.io"], "a.io/x"],
  ["a.io/xx/y", ["a.io/x", "a.io"], "a.io"],
  ["a.io:5000/x", ["a.io", "a.io:5000"], "a.io:5000"],
  ["a.io:5000/x", ["a.io", ""], ""],
  ["s.t.a.io:5000/x", ["*.io", "*.a.io", "*.t.a.io"], "*.t.a.io"],
  ["s.t.a.io/x", ["*.io", "*.a.io"], "*.a.io"],
  ["s.t.a.io/x", ["*.s.t.a.io", "*.io"], "*.io"],
  ["a.io/x", ["*.a.io", ""], ""],
  ["localhost/x", ["*", ""], ""],
  ["busybox", ["docker.io/library/busybox", "busybox"], "docker.io/library/busybox"],
])("requirementsFor %s in %j takes the scope %j", (typed, scopes, scope) => {
  const found = requirementsFor(policyOf("docker", scopes), parseReference(typed));
  expect(found.scope).toBe(`the docker scope "${scope}"`);
});

test("requirementsFor takes the default when no scope of the transport matches", () => {
  const policy = policyOf("oci", ["", "/srv"]);
  expect(requirementsFor(policy, parseReference("a.io/x")).scope).toBe("the default policy");
});

test("requirementsFor goes up the directories of a layout, symbolic links resolved", async () => {
  const dir = await mkdtemp(join(tmpdir(), "berth-policy-"));
  await mkdir(join(dir, "real/images/etcd"), { recursive: true });
  await symlink("real", join(dir, "link"));
  const scopeOf = (scopes: string[], path: string): string =>
    requirementsFor(policyOf("oci", scopes), parseReference(`oci:${path}:tag`)).scope;
  const real = join(dir, "real/images");
  expect(scopeOf([real, dir, ""], join(dir, "link/images/etcd"))).toBe(`the oci scope "${real}"`);
  expect(scopeOf([join(dir, "link"), ""], join(dir, "link/images/etcd"))).toBe('the oci scope ""');
  expect(scopeOf([join(real, "none"), ""], join(real, "none"))).toBe(`the oci scope "${join(real, "none")}"`);
  expect(scopeOf([`${real}/etc`, ""], join(real, "etcd"))).toBe('the oci scope ""');
});

/** An image without signatures. */
function subject(typed: string): Subject {
  return { reference: parseReference(typed), manifest: Buffer.from("{}"), signatures: async () => [] };
}

test("checkPolicy accepts insecureAcceptAnything, and everything without a policy, and says why", async () => {
  const policy = parsePolicy(JSON.stringify({ default: ACCEPT }));
  expect(await checkPolicy(policy, subject("a.io/x"))).toMatchObject({
    scope: "the default policy",
    requirements: [{ type: "insecureAcceptAnything" }],
  });
  expect(await checkPolicy(undefined, subject("a.io/x"))).toMatchObject({
    scope: "no policy",
    requirements: [],
  });
});

test.each([
  [REJECT, "reject", "Running image a.io/x:latest is rejected by policy"],
  [SIGNED, "signedBy", "a.io/x:latest is rejected by policy"],
  [[...ACCEPT, ...SIGNED], "signedBy", "a.io/x:latest is rejected by policy"],
  [[{ type: "sigstoreSigned", keyPath: "/k" }], "sigstoreSigned", "a.io/x:latest is rejected by policy"],
  [
    [{ type: "signedBaseLayer", baseLayerIdentity: { type: "matchExact" } }],
    "signedBaseLayer",
    "a.io/x:latest is rejected by policy",
  ],
])("checkPolicy refuses %j, naming scope and requirement", async (requirements, type, message) => {
  const policy = parsePolicy(
    JSON.stringify({ default: ACCEPT, transports: { docker: { "a.io": requirements } } }),
  );
  const failure = await failureOf(() => checkPolicy(policy, subject("a.io/x")));
  expect(failure.code).toBe("POLICY_REJECTED");
  expect(failure.message).toContain(message);
  expect(failure.message).toContain(`the docker scope "a.io" requires ${type}`);
  await checkPolicy(policy, subject("b.io/x"));
});

test("checkPolicy asks for signatures once, and not at all where none are needed", async () => {
  let asked = 0;
  const counting = (typed: string): Subject => ({
    ...subject(typed),
    signatures: async () => {
      asked++;
      return [];
    },
  });
  await checkPolicy(parsePolicy(JSON.stringify({ default: ACCEPT })), counting("a.io/x"));
  expect(asked).toBe(0);
  const keyed = { type: "sigstoreSigned", keyData: "AAAA" };
  const policy = parsePolicy(JSON.stringify({ default: [keyed, keyed] }));
  await failureOf(() => checkPolicy(policy, counting("a.io/x")));
  expect(asked).toBe(1);
});

async function rootWith(text: string | undefined): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "berth-root-"));
  await mkdir(join(root, "etc/containers"), { recursive: true });
  if (text !== undefined) await writeFile(join(root, "etc/containers/policy.json"), text);
  return root;
}

test("loadPolicy reads the file of a root, or none", async () => {
  expect(await loadPolicy(await rootWith(undefined))).toBeUndefined();
  const policy = await loadPolicy(await rootWith(JSON.stringify({ default: SIGNED })));
  expect(policy?.default[0]?.type).toBe("signedBy");
});

test("statement 17: loadPolicy refuses everything when the file is not valid", async () => {
  const root = await rootWith('{"default":[{"type":"insecureAcceptAnything"}],"extra":1}');
  const failure = await failureOf(() => loadPolicy(root));
  expect(failure.code).toBe("POLICY_REJECTED");
  expect(failure.message).toContain(`${root}/etc/containers/policy.json is not a valid policy`);
  expect(failure.cause).toMatchObject({ message: 'invalid policy: unknown field "extra"' });
});

test("loadPolicy: on the host itself the user's file comes first", async () => {
  const home = await mkdtemp(join(tmpdir(), "berth-home-"));
  await mkdir(join(home, ".config/containers"), { recursive: true });
  await writeFile(join(home, ".config/containers/policy.json"), JSON.stringify({ default: REJECT }));
  vi.stubEnv("HOME", home);
  expect((await loadPolicy())?.default[0]?.type).toBe("reject");
  expect(await loadPolicy(await rootWith(undefined))).toBeUndefined();
});
