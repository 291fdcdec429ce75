/**
 * Policies and signatures of every kind: berth's verdict beside that of skopeo, which is containers/image's. The table that
 * is printed shows both, and berth's reason.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Berth } from "../support/berth.ts";
import { Gpg } from "../support/gpg.ts";
import { makeImage, type TestImage } from "../support/images.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import {
  cosignManifest,
  cosignPayload,
  cosignSignature,
  payloadOf,
  type SigstoreKey,
  sigstoreKey,
  writeLookaside,
} from "../support/signed.ts";

let gpg: Gpg;
let registry: TestRegistry;
let server: Server;
let dir: string;
let image: TestImage;
const keys: Record<string, string> = {};
const rings: Record<string, string> = {};
let cosign: SigstoreKey;
let otherCosign: SigstoreKey;
/** Paths that the server of signatures was asked for. */
let served: (path: string) => { status: number; body?: Buffer };

const PAST = "20200101T000000!";
const ACCEPT = { type: "insecureAcceptAnything" };
const REJECT = { type: "reject" };
const NAME = "team/app";

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-trust-"));
  gpg = await Gpg.open();
  registry = await startRegistry({ referrers: true });
  image = await makeImage();
  keys["alice"] = await gpg.key("alice <alice@example.com>");
  keys["bob"] = await gpg.key("bob <bob@example.com>");
  keys["expired"] = await gpg.key("expired <expired@example.com>", { at: PAST, expires: "1y" });
  keys["revoked"] = await gpg.key("revoked <revoked@example.com>");
  keys["owner"] = await gpg.key("owner <owner@example.com>");
  keys["subkey"] = await gpg.subkey(keys["owner"]);
  cosign = sigstoreKey();
  otherCosign = sigstoreKey();
  for (const name of ["alice", "bob", "expired", "owner"])
    rings[name] = (await gpg.export(keys[name] ?? "")).toString("base64");
  rings["both"] = (await gpg.export(keys["alice"], keys["bob"])).toString("base64");
  server = createServer((request, response) => {
    const { status, body } = served(request.url ?? "");
    response.writeHead(status).end(body ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterAll(async () => {
  server.close();
  await registry.close();
  await gpg.close();
  await rm(dir, { recursive: true });
});

interface Case {
  name: string;
  /** A policy document, or its text; `requirements`: those for the registry, all else being rejected. */
  policy?: unknown;
  requirements?: () => object[];
  /** For the lookaside directory. */
  signatures?: () => Promise<Buffer[]>;
  /** For cosign's tag. */
  attached?: () => { payload: Buffer; signature: string }[];
  /** By digest instead of by tag. */
  byDigest?: boolean;
  registriesD?: () => object;
  accepts: boolean;
  says?: RegExp;
  /** What this old skopeo says instead, and why that is not berth's. */
  skopeo?: { accepts: boolean; because: string };
}

const host = (): string => registry.host;
const tagged = (): string => `${host()}/${NAME}:1`;
const signedBy = (ring: string, more: object = {}): object => ({
  type: "signedBy",
  keyType: "GPGKeys",
  keyData: rings[ring],
  ...more,
});
const sigstoreSigned = (more: object = {}): object => ({
  type: "sigstoreSigned",
  keyData: Buffer.from(cosign.pem).toString("base64"),
  ...more,
});
const identity = (type: string, more: object = {}): { signedIdentity: object } => ({
  signedIdentity: { type, ...more },
});
const good = (): string => payloadOf({ identity: tagged(), digest: image.digest });
const sign = (content: string, key = "alice", options: Parameters<Gpg["sign"]>[2] = {}): Promise<Buffer> =>
  gpg.sign(content, keys[key] ?? "", options);
const signed = (
  more: Partial<Parameters<typeof payloadOf>[0]> = {},
  key = "alice",
): (() => Promise<Buffer[]>) => {
  return async () => [await sign(payloadOf({ identity: tagged(), digest: image.digest, ...more }), key)];
};
const attach = (more: Partial<Parameters<typeof payloadOf>[0]> = {}, key = () => cosign) => {
  return (): { payload: Buffer; signature: string }[] => {
    const payload = cosignPayload({ identity: tagged(), digest: image.digest, ...more });
    return [{ payload, signature: cosignSignature(payload, key().key) }];
  };
};
const docker = (scope: (name: string) => string, requirement: object = ACCEPT): (() => object) => {
  return () => ({ default: [REJECT], transports: { docker: { [scope(host())]: [requirement] } } });
};
const OTHER = `sha256:${"0".repeat(64)}`;

const CASES: Case[] = [
  { name: "default accepts", policy: { default: [ACCEPT] }, accepts: true },
  { name: "default rejects", policy: { default: [REJECT] }, accepts: false, says: /is rejected by policy/ },
  { name: "scope of the transport", policy: docker(() => ""), accepts: true },
  { name: "scope host", policy: docker((h) => h), accepts: true },
  { name: "scope namespace", policy: docker((h) => `${h}/team`), accepts: true },
  { name: "scope repository", policy: docker((h) => `${h}/${NAME}`), accepts: true },
  { name: "scope tag", policy: docker((h) => `${h}/${NAME}:1`), accepts: true },
  { name: "scope of another tag", policy: docker((h) => `${h}/${NAME}:2`), accepts: false },
  { name: "scope of half a name", policy: docker((h) => `${h}/te`), accepts: false },
  { name: "scope wildcard", policy: docker(() => "*.0.0.1"), accepts: true },
  {
    name: "scope digest",
    byDigest: true,
    policy: docker((h) => `${h}/${NAME}@${image.digest}`),
    accepts: true,
  },
  {
    name: "narrow reject over wide accept",
    policy: () => ({
      default: [ACCEPT],
      transports: { docker: { [host()]: [ACCEPT], [`${host()}/team`]: [REJECT] } },
    }),
    accepts: false,
  },
  { name: "accept and reject together", policy: { default: [ACCEPT, REJECT] }, accepts: false },
  {
    name: "unknown field",
    policy: { default: [ACCEPT], more: 1 },
    accepts: false,
    says: /unknown field "more"/,
  },
  {
    name: "duplicate field",
    policy: '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}',
    accepts: false,
    says: /duplicate key/,
  },
  { name: "empty list", policy: { default: [] }, accepts: false, says: /must not be empty/ },
  { name: "no default", policy: { transports: {} }, accepts: false, says: /"default" is missing/ },
  {
    name: "unknown requirement",
    policy: { default: [{ type: "maybe" }] },
    accepts: false,
    says: /unknown policy requirement/,
  },
  { name: "not JSON", policy: "{", accepts: false, says: /not a valid policy/ },
  {
    name: "signedBaseLayer",
    requirements: () => [{ type: "signedBaseLayer", baseLayerIdentity: { type: "matchExact" } }],
    accepts: false,
    says: /signedBaseLayer/,
  },
  {
    name: "key twice",
    requirements: () => [signedBy("alice", { keyPath: "/k" })],
    accepts: false,
    says: /exactly one of/,
  },
  {
    name: "unknown keyType",
    requirements: () => [signedBy("alice", { keyType: "PGP" })],
    accepts: false,
    says: /keyType/,
  },
  {
    name: "keyType of the future",
    requirements: () => [signedBy("alice", { keyType: "X509Certificates" })],
    signatures: signed(),
    accepts: false,
    says: /Unimplemented "keyType"/,
  },
  {
    name: "key not base64",
    requirements: () => [signedBy("alice", { keyData: "!" })],
    accepts: false,
    says: /base64/,
  },
  {
    name: "key no key",
    requirements: () => [signedBy("alice", { keyData: "AAAA" })],
    signatures: signed(),
    accepts: false,
  },
  {
    name: "key file missing",
    requirements: () => [{ type: "signedBy", keyType: "GPGKeys", keyPath: join(dir, "nothing") }],
    signatures: signed(),
    accepts: false,
    says: /cannot be read/,
  },
  {
    name: "key file",
    requirements: () => [{ type: "signedBy", keyType: "GPGKeys", keyPath: join(dir, "alice.gpg") }],
    signatures: signed(),
    accepts: true,
  },
  {
    name: "not signed",
    requirements: () => [signedBy("alice")],
    accepts: false,
    says: /no signature exists/,
  },
  { name: "signed", requirements: () => [signedBy("alice")], signatures: signed(), accepts: true },
  {
    name: "signed, two keys known",
    requirements: () => [signedBy("both")],
    signatures: signed({}, "bob"),
    accepts: true,
  },
  {
    name: "unknown key",
    requirements: () => [signedBy("alice")],
    signatures: signed({}, "bob"),
    accepts: false,
    says: /which is not one of the policy's/,
  },
  {
    name: "expired key",
    requirements: () => [signedBy("expired")],
    signatures: async () => [await sign(good(), "expired", { at: "20200601T000000!" })],
    accepts: false,
    says: /key .* has expired/,
  },
  {
    name: "revoked key",
    requirements: () => [signedBy("revoked")],
    signatures: async () => {
      const made = await sign(good(), "revoked");
      await gpg.revoke(keys["revoked"] ?? "");
      rings["revoked"] = (await gpg.export(keys["revoked"] ?? "")).toString("base64");
      return [made];
    },
    accepts: false,
    says: /key .* is revoked/,
  },
  {
    name: "expired signature",
    requirements: () => [signedBy("expired2")],
    signatures: async () => {
      keys["expired2"] = await gpg.key("short <short@example.com>", { at: PAST });
      rings["expired2"] = (await gpg.export(keys["expired2"])).toString("base64");
      return [
        await sign(good(), "expired2", { at: "20200601T000000!", args: ["--default-sig-expire", "1d"] }),
      ];
    },
    accepts: false,
    says: /signature by .* has expired/,
  },
  {
    name: "subkey",
    requirements: () => [signedBy("owner")],
    signatures: async () => [await gpg.sign(good(), `${keys["subkey"]}!`)],
    accepts: true,
    skopeo: { accepts: false, because: "this skopeo compares the subkey; later ones its primary key" },
  },
  {
    name: "other digest",
    requirements: () => [signedBy("alice")],
    signatures: signed({ digest: OTHER }),
    accepts: false,
    says: /Signature for digest sha256:0+ does not match/,
  },
  {
    name: "other tag",
    requirements: () => [signedBy("alice")],
    signatures: async () => [
      await sign(payloadOf({ identity: `${host()}/${NAME}:2`, digest: image.digest })),
    ],
    accepts: false,
    says: /Signature for identity ".*:2" is not accepted/,
  },
  {
    name: "other tag, by digest",
    byDigest: true,
    requirements: () => [signedBy("alice")],
    signatures: async () => [
      await sign(payloadOf({ identity: `${host()}/${NAME}:2`, digest: image.digest })),
    ],
    accepts: true,
  },
  {
    name: "name alone",
    requirements: () => [signedBy("alice")],
    signatures: async () => [await sign(payloadOf({ identity: `${host()}/${NAME}`, digest: image.digest }))],
    accepts: false,
    says: /Signature for identity/,
  },
  {
    name: "other tag, matchRepository",
    requirements: () => [signedBy("alice", identity("matchRepository"))],
    signatures: async () => [
      await sign(payloadOf({ identity: `${host()}/${NAME}:2`, digest: image.digest })),
    ],
    accepts: true,
  },
  {
    name: "other repository, matchRepository",
    requirements: () => [signedBy("alice", identity("matchRepository"))],
    signatures: signed({ identity: "example.com/team/app:1" }),
    accepts: false,
  },
  {
    name: "matchExact",
    requirements: () => [signedBy("alice", identity("matchExact"))],
    signatures: signed(),
    accepts: true,
  },
  {
    name: "matchExact, by digest",
    byDigest: true,
    requirements: () => [signedBy("alice", identity("matchExact"))],
    signatures: signed(),
    accepts: false,
  },
  {
    name: "exactReference",
    requirements: () => [
      signedBy("alice", identity("exactReference", { dockerReference: "example.com/a/b:3" })),
    ],
    signatures: signed({ identity: "example.com/a/b:3" }),
    accepts: true,
  },
  {
    name: "exactReference of another",
    requirements: () => [
      signedBy("alice", identity("exactReference", { dockerReference: "example.com/a/b:3" })),
    ],
    signatures: signed(),
    accepts: false,
  },
  {
    name: "exactReference without a tag",
    requirements: () => [
      signedBy("alice", identity("exactReference", { dockerReference: "example.com/a/b" })),
    ],
    signatures: signed(),
    accepts: false,
    says: /cannot be "example.com\/a\/b"/,
  },
  {
    name: "exactRepository",
    requirements: () => [
      signedBy("alice", identity("exactRepository", { dockerRepository: "example.com/a/b" })),
    ],
    signatures: signed({ identity: "example.com/a/b:9" }),
    accepts: true,
  },
  {
    name: "remapIdentity",
    requirements: () => [
      signedBy("alice", identity("remapIdentity", { prefix: host(), signedPrefix: "example.com/original" })),
    ],
    signatures: signed({ identity: "example.com/original/team/app:1" }),
    accepts: true,
  },
  {
    name: "remapIdentity of another prefix",
    requirements: () => [
      signedBy("alice", identity("remapIdentity", { prefix: "example.com", signedPrefix: "example.org" })),
    ],
    signatures: signed({ identity: "example.org/team/app:1" }),
    accepts: false,
  },
  {
    name: "unknown identity",
    requirements: () => [signedBy("alice", identity("any"))],
    accepts: false,
    says: /match type/,
  },
  {
    name: "unsigned literal",
    requirements: () => [signedBy("alice")],
    signatures: async () => [
      await gpg.run(["--store", "--compress-algo", "zip"], { input: Buffer.from(good()) }),
    ],
    accepts: false,
    says: /nobody signed/,
  },
  {
    name: "encrypted",
    requirements: () => [signedBy("alice")],
    signatures: async () => [
      await gpg.run(["--passphrase", "secret", "--symmetric"], { input: Buffer.from(good()) }),
    ],
    accepts: false,
    says: /is encrypted/,
  },
  {
    name: "two signatures in one",
    requirements: () => [signedBy("both")],
    signatures: async () => [await sign(good(), "alice", { args: ["--local-user", keys["bob"] ?? ""] })],
    accepts: false,
    says: /Unexpected GPG signature count 2/,
  },
  {
    name: "altered",
    requirements: () => [signedBy("alice")],
    signatures: async () => {
      const made = await sign(good(), "alice", { args: ["--compress-algo", "none"] });
      const at = made.indexOf("atomic container");
      made[at] = "A".charCodeAt(0);
      return [made];
    },
    accepts: false,
  },
  {
    name: "clear-signed",
    requirements: () => [signedBy("alice")],
    signatures: async () => [
      await gpg.run(["--local-user", keys["alice"] ?? "", "--clear-sign"], { input: Buffer.from(good()) }),
    ],
    accepts: false,
    says: /no signature of a kind that is known/,
  },
  {
    name: "detached",
    requirements: () => [signedBy("alice")],
    signatures: async () => [
      await gpg.run(["--local-user", keys["alice"] ?? "", "--detach-sign"], { input: Buffer.from(good()) }),
    ],
    accepts: false,
  },
  {
    name: "a web page",
    requirements: () => [signedBy("alice")],
    signatures: async () => [Buffer.from("<html>")],
    accepts: false,
  },
  {
    name: "several signers, the second counts",
    requirements: () => [signedBy("alice")],
    signatures: async () => [await sign(good(), "bob"), await sign(good())],
    accepts: true,
  },
  {
    name: "several signers, none counts",
    requirements: () => [signedBy("expired")],
    signatures: async () => [await sign(good(), "bob"), await sign(good())],
    accepts: false,
    says: /None of the signatures were accepted, reasons: /,
  },
  {
    name: "two requirements, both met",
    requirements: () => [signedBy("alice"), signedBy("bob")],
    signatures: async () => [await sign(good(), "bob"), await sign(good())],
    accepts: true,
  },
  {
    name: "two requirements, one met",
    requirements: () => [signedBy("alice"), signedBy("bob")],
    signatures: signed(),
    accepts: false,
  },
  {
    name: "other type",
    requirements: () => [signedBy("alice")],
    signatures: signed({ type: "cosign container image signature" }),
    accepts: false,
  },
  {
    name: "unknown member",
    requirements: () => [signedBy("alice")],
    signatures: signed({ critical: { more: 1 } }),
    accepts: false,
  },
  {
    name: "optional members",
    requirements: () => [signedBy("alice")],
    signatures: signed({ optional: { creator: "x", timestamp: 1, more: {} } }),
    accepts: true,
  },
  {
    name: "bad timestamp",
    requirements: () => [signedBy("alice")],
    signatures: signed({ optional: { timestamp: 1.5 } }),
    accepts: false,
  },
  {
    name: "duplicate member",
    requirements: () => [signedBy("alice")],
    signatures: async () => [await sign(good().replace('"critical":{', '"critical":{"type":"x",'))],
    accepts: false,
  },
  {
    name: "129 signatures",
    requirements: () => [signedBy("alice")],
    signatures: async () => {
      const bad = await sign(good(), "bob");
      return [...Array.from({ length: 128 }, () => bad), await sign(good())];
    },
    accepts: false,
    says: /more than 128 signatures/,
    skopeo: { accepts: true, because: "this skopeo has no limit yet" },
  },
  {
    name: "signature of 5 MiB",
    requirements: () => [signedBy("alice")],
    signatures: async () => [Buffer.alloc(5 * 1024 * 1024, "<")],
    accepts: false,
    says: /larger than/,
  },
  {
    name: "web server",
    requirements: () => [signedBy("alice")],
    signatures: signed(),
    registriesD: () => ({ docker: { [host()]: { lookaside: web() } } }),
    accepts: true,
  },
  {
    name: "web server, old key",
    requirements: () => [signedBy("alice")],
    signatures: signed(),
    registriesD: () => ({ docker: { [`${host()}/team`]: { sigstore: web() } } }),
    accepts: true,
  },
  {
    name: "web server, default",
    requirements: () => [signedBy("alice")],
    signatures: signed(),
    registriesD: () => ({ "default-docker": { lookaside: web() } }),
    accepts: true,
  },
  {
    name: "web server fails",
    requirements: () => [signedBy("alice")],
    registriesD: () => ({ docker: { [host()]: { lookaside: `${web()}/forbidden` } } }),
    accepts: false,
    says: /answers 403/,
  },
  {
    name: "other scope's server",
    requirements: () => [signedBy("alice")],
    signatures: signed(),
    registriesD: () => ({
      docker: { "example.com": { lookaside: web() }, [host()]: { lookaside: `file://${dir}/none` } },
    }),
    accepts: false,
    says: /no signature exists/,
  },
  {
    name: "sigstore: not signed",
    requirements: () => [sigstoreSigned()],
    accepts: false,
    says: /no signature exists/,
  },
  { name: "sigstore: signed", requirements: () => [sigstoreSigned()], attached: attach(), accepts: true },
  {
    name: "sigstore: other key",
    requirements: () => [sigstoreSigned()],
    attached: attach({}, () => otherCosign),
    accepts: false,
    says: /verification failed/,
  },
  {
    name: "sigstore: several, one counts",
    requirements: () => [sigstoreSigned()],
    attached: () => [...attach({}, () => otherCosign)(), ...attach({ optional: { n: 1 } })()],
    accepts: true,
  },
  {
    name: "sigstore: other digest",
    requirements: () => [sigstoreSigned()],
    attached: attach({ digest: OTHER }),
    accepts: false,
  },
  {
    name: "sigstore: altered",
    requirements: () => [sigstoreSigned()],
    attached: () =>
      attach()().map(({ payload, signature }) => ({ payload: Buffer.from(`${payload} `), signature })),
    accepts: false,
  },
  {
    name: "sigstore: repository alone",
    requirements: () => [sigstoreSigned()],
    attached: () => attach({ identity: `${host()}/${NAME}` })(),
    accepts: false,
  },
  {
    name: "sigstore: repository alone, matchRepository",
    requirements: () => [sigstoreSigned(identity("matchRepository"))],
    attached: () => attach({ identity: `${host()}/${NAME}` })(),
    accepts: true,
  },
  {
    name: "sigstore: attachments off",
    requirements: () => [sigstoreSigned()],
    attached: attach(),
    registriesD: () => ({}),
    accepts: false,
    says: /no signature exists/,
  },
  {
    name: "sigstore: for signedBy",
    requirements: () => [signedBy("alice")],
    attached: attach(),
    accepts: false,
  },
  {
    name: "simple: for sigstoreSigned",
    requirements: () => [sigstoreSigned()],
    signatures: signed(),
    accepts: false,
  },
  {
    name: "sigstore: key no key",
    requirements: () => [sigstoreSigned({ keyData: "AAAA" })],
    attached: attach(),
    accepts: false,
  },
];

function web(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/signatures`;
}

const rows: string[][] = [];

test.each(CASES)("policy: $name", async (each) => {
  const root = await mkdtemp(join(dir, "case-"));
  const etc = join(root, "etc/containers");
  const lookaside = join(root, "lookaside");
  await mkdir(join(etc, "registries.d"), { recursive: true });
  await mkdir(join(root, dir), { recursive: true });
  for (const prefix of ["", root])
    await writeFile(join(prefix, dir, "alice.gpg"), Buffer.from(rings["alice"] ?? "", "base64"));
  const repository = NAME;
  const reference = registry.push(repository, image, "1");
  const signatures = (await each.signatures?.()) ?? [];
  await writeLookaside(lookaside, { repository, digest: image.digest }, signatures);
  served = (path) => {
    const at = /^\/signatures\/team\/app@sha256=[0-9a-f]{64}\/signature-(\d+)$/.exec(path)?.[1];
    const body = at === undefined ? undefined : signatures[Number(at) - 1];
    if (path.includes("forbidden")) return { status: 403 };
    return body === undefined ? { status: 404 } : { status: 200, body };
  };
  const tag = `${image.digest.replace(":", "-")}.sig`;
  registry.content.manifests.delete(`${repository}:${tag}`);
  const attached = each.attached?.() ?? [];
  if (attached.length > 0) {
    const layers = attached.map(({ payload, signature }) => ({
      payload,
      annotations: { "dev.cosignproject.cosign/signature": signature },
    }));
    registry.push(repository, cosignManifest(layers), tag);
  }
  const policy = each.requirements
    ? { default: [REJECT], transports: { docker: { [host()]: each.requirements() } } }
    : typeof each.policy === "function"
      ? each.policy()
      : each.policy;
  const text = typeof policy === "string" ? policy : JSON.stringify(policy);
  await writeFile(join(etc, "policy.json"), text);
  await writeFile(join(etc, "registries.conf"), `[[registry]]\nlocation = "${host()}"\ninsecure = true\n`);
  const scope = { lookaside: `file://${lookaside}`, "use-sigstore-attachments": true };
  const registriesD = each.registriesD?.() ?? { docker: { [host()]: scope } };
  await writeFile(join(etc, "registries.d/default.yaml"), JSON.stringify(registriesD));

  const name = each.byDigest === true ? `${host()}/${repository}@${image.digest}` : reference;
  const judge = await execa(
    "skopeo",
    [
      ...["--policy", join(etc, "policy.json"), "--registries.d", join(etc, "registries.d")],
      ...[
        "copy",
        "--src-tls-verify=false",
        "--remove-signatures",
        `docker://${name}`,
        `dir:${join(root, "out")}`,
      ],
    ],
    { reject: false, env: { XDG_RUNTIME_DIR: root } },
  );
  registry.heal();
  const berth = await Berth.open({ root });
  try {
    const { status, stderr } = await berth.run("pull", name);
    const said = stderr.replace(/\s+/g, " ");
    const verdicts: string[] = [judge.exitCode === 0, status === 0].map((accepted) =>
      accepted ? "accepts" : "refuses",
    );
    // Debian builds it so; it fetches such signatures and says no more of them.
    if (judge.stderr.includes("sigstore disabled")) verdicts[0] = "(cannot)";
    rows.push([each.name, ...verdicts, status === 0 ? "" : reasonIn(stderr)]);
    expect({ berth: status === 0, said }).toEqual({
      berth: each.accepts,
      said: each.says ? expect.stringMatching(each.says) : said,
    });
    if (judge.stderr.includes("sigstore disabled")) expect(each.name).toMatch(/^sigstore: /);
    const { accepts } = judge.stderr.includes("sigstore disabled")
      ? { accepts: false }
      : (each.skopeo ?? each);
    expect({ skopeo: judge.exitCode === 0, said: judge.stderr }).toEqual({
      skopeo: accepts,
      said: judge.stderr,
    });
    if (!each.accepts) expect(registry.requestsOf("blob").filter(({ url }) => isLayer(url))).toEqual([]);
    if (!each.accepts) expect(stderr).toMatch(/rejected|policy|signature|server/i);
  } finally {
    await berth.close();
  }
});

afterAll(() => {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const draw = (row: string[]): string =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  process.stdout.write(`${[["case", "skopeo", "berth", "berth's reason"], ...rows].map(draw).join("\n")}\n`);
});

/** The last cause is the nearest to what is wrong. */
function reasonIn(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !/^\s*hint/.test(line));
  const hidden: [RegExp, string][] = [
    [/[0-9A-F]{40}/g, "KEY"],
    [/sha256:[0-9a-f]{64}/g, "DIGEST"],
    [/127\.0\.0\.1:\d+/g, "HOST"],
    [/(?:\/[\w.@=-]+){3,}/g, "PATH"],
  ];
  const line = hidden.reduce((text, [what, by]) => text.replace(what, by), (lines.at(-1) ?? "").trim());
  return line.slice(0, 140);
}

function isLayer(url: string): boolean {
  return image.layers.some((_, at) => url.includes(layerDigest(at)));
}

function layerDigest(at: number): string {
  const { layers } = JSON.parse(image.manifest.toString()) as { layers: { digest: string }[] };
  return layers[at]?.digest ?? dirname("");
}
