/** trust: the policy and the places of signatures, shown and edited. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import { containersConfigPaths } from "../oci/containers-config.ts";
import { parseReference } from "../oci/reference.ts";
import { writeDurably } from "../sys/durable.ts";
import type { PolicyDocument, PolicyScope } from "../trust/edit-policy.ts";
import { exportKey, keyOwners } from "./trust-keys.ts";

export type TrustType = "signedBy" | "sigstoreSigned" | "insecureAcceptAnything" | "reject";

export interface AddTrust {
  /** `REGISTRY[/REPOSITORY[:TAG]]`, or a path for dir and oci. */
  scope: string;
  transport: string;
  type: TrustType;
  /** Files, https URLs or ids of GnuPG; each becomes part of the policy. */
  keys: readonly string[];
  /** Files that the policy names. */
  keyFiles: readonly string[];
  /** A type of signedIdentity. */
  identity?: string | undefined;
  /** URL of the lookaside server. */
  lookaside?: string | undefined;
  lookasideStaging?: string | undefined;
  gnupghome?: string | undefined;
}

export interface TrustChange {
  /** The files that changed. */
  files: string[];
  what: string;
}

export interface TrustTable {
  path: string;
  /** Whether there is a policy; without one every image is accepted. */
  exists: boolean;
  rows: TrustRow[];
  /** Where signatures are, by scope. */
  signatures: {
    scope: string;
    lookaside?: string | undefined;
    staging?: string | undefined;
    attachments?: boolean | undefined;
  }[];
}

export interface TrustRow {
  /** `default`, or a transport. */
  transport: string;
  scope: string;
  type: string;
  /** Who may sign: addresses of the keys' owners, or names of files. */
  signers: string[];
}

export async function addTrust(host: Host, request: AddTrust): Promise<TrustChange> {
  host.requireRoot("change the policy");
  checkScope(request);
  const needsKey = request.type === "signedBy" || request.type === "sigstoreSigned";
  if (needsKey && request.keys.length + request.keyFiles.length === 0)
    throw new Failure("USAGE", `At least one public key must be defined for type '${request.type}'`, {
      hint: "berth trust add --pubkeys FILE REGISTRY",
    });
  const requirements = needsKey ? await keyRequirements(request) : [{ type: request.type }];
  const { setScope } = await import("../trust/edit-policy.ts");
  const scope: PolicyScope = { transport: request.transport, scope: request.scope };
  const path = await editPolicy(host, (document) => setScope(document, scope, requirements));
  const settings = {
    lookaside: request.lookaside,
    lookasideStaging: request.lookasideStaging,
    attachments: request.type === "sigstoreSigned" ? true : undefined,
  };
  const files = [path];
  if (request.transport === "docker" && Object.values(settings).some((value) => value !== undefined)) {
    const { setSignatureScope } = await import("../registry/edit-registries-d.ts");
    files.push(await setSignatureScope(host.config.root, request.scope, settings));
  }
  return { files, what: `${request.scope || "every image"} of ${request.transport}: ${request.type}` };
}

/** IMAGE_UNKNOWN when the policy has no such scope. */
export async function deleteTrust(
  host: Host,
  { scope, transport, saveSigstore }: { scope: string; transport: string; saveSigstore: boolean },
): Promise<TrustChange> {
  host.requireRoot("change the policy");
  const { deleteScope } = await import("../trust/edit-policy.ts");
  const path = await editPolicy(host, (document) => {
    const left = deleteScope(document, { transport, scope });
    if (left !== undefined) return left;
    throw new Failure("USAGE", `the policy says nothing of ${scope} (${transport})`, {
      hint: "berth trust show lists its scopes",
    });
  });
  const files = [path];
  if (!saveSigstore && transport === "docker") {
    const { deleteSignatureScope } = await import("../registry/edit-registries-d.ts");
    const file = await deleteSignatureScope(host.config.root, scope);
    if (file !== undefined) files.push(file);
  }
  return { files, what: `${scope} of ${transport}: no longer in the policy` };
}

export async function defaultTrust(host: Host, verdict: "accept" | "reject"): Promise<TrustChange> {
  host.requireRoot("change the policy");
  const { setDefault } = await import("../trust/edit-policy.ts");
  const path = await editPolicy(host, (document) => setDefault(document, verdict));
  return { files: [path], what: `images that no scope names: ${verdict}` };
}

/** The policy as packages install it; what was there stays beside it as `policy.json.old`. */
export async function resetTrust(host: Host): Promise<TrustChange> {
  host.requireRoot("change the policy");
  const { DEFAULT_POLICY, formatDocument } = await import("../trust/edit-policy.ts");
  const path = policyPath(host);
  if (existsSync(path)) await rename(path, `${path}.old`);
  await writePolicy(path, formatDocument(DEFAULT_POLICY));
  return { files: [path], what: "every image is accepted" };
}

/** CONFIG_INVALID, POLICY_REJECTED: what is shown is what counts, so a broken file is an error. */
export async function showTrust(host: Host): Promise<TrustTable> {
  const { root } = host.config;
  const policy = await host.policy();
  const rows: TrustRow[] = [];
  const { loadRegistriesD } = await import("../registry/load-registries-d.ts");
  const conf = await loadRegistriesD(root);
  const add = async (
    transport: string,
    scope: string,
    requirements: NonNullable<typeof policy>["default"],
  ): Promise<void> => {
    for (const { type, fields } of requirements)
      rows.push({ transport, scope, type, signers: await keyOwners(fields, root) });
  };
  await add("default", "", policy?.default ?? [{ type: "insecureAcceptAnything", fields: {} }]);
  for (const [transport, scopes] of policy?.transports ?? [])
    for (const [scope, requirements] of scopes) await add(transport, scope, requirements);
  const places = [...conf.scopes, ...(conf.default === undefined ? [] : [["", conf.default] as const])];
  return {
    path: policyPath(host),
    exists: policy !== undefined,
    rows,
    signatures: places.map(([scope, { lookaside, lookasideStaging: staging, attachments }]) => ({
      scope,
      lookaside,
      staging,
      attachments,
    })),
  };
}

/** The policy byte for byte; undefined where there is none. */
export async function rawPolicy(host: Host): Promise<string | undefined> {
  return await readOptional(policyPath(host));
}

async function keyRequirements(request: AddTrust): Promise<object[]> {
  const isGpg = request.type === "signedBy";
  const base = { type: request.type, ...(isGpg ? { keyType: "GPGKeys" } : {}) };
  const identity = request.identity === undefined ? {} : { signedIdentity: { type: request.identity } };
  const inline: object[] = [];
  for (const key of request.keys) {
    const data = await exportKey(key, { gpg: isGpg, gnupghome: request.gnupghome });
    inline.push({ ...base, keyData: data.toString("base64"), ...identity });
  }
  return [...inline, ...request.keyFiles.map((keyPath) => ({ ...base, keyPath, ...identity }))];
}

function checkScope({ scope, transport, lookaside, lookasideStaging }: AddTrust): void {
  for (const url of [lookaside, lookasideStaging])
    if (url !== undefined && !/^(?:https?|file):\/\/./.test(url))
      throw new Failure("USAGE", `${JSON.stringify(url)} is no place for signatures`, {
        hint: "Write https://HOST/PATH, http://HOST/PATH or file:///DIRECTORY.",
      });
  if (transport !== "docker" || scope === "" || /^\*\.[\w.-]+$/.test(scope)) return;
  if (/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?::\d+)?$/.test(scope)) return;
  parseReference(scope);
}

async function editPolicy(host: Host, edit: (document: PolicyDocument) => PolicyDocument): Promise<string> {
  const { formatDocument, readDocument } = await import("../trust/edit-policy.ts");
  const path = policyPath(host);
  const document = readDocument(await readOptional(path), path);
  await writePolicy(path, formatDocument(edit(document)));
  return path;
}

async function writePolicy(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeDurably(path, text, { mode: 0o644 });
}

/** The file that counts: the user's where there is one, else the system's. */
function policyPath({ config: { root } }: Host): string {
  const paths = containersConfigPaths("policy.json", root);
  return paths.find((path) => existsSync(path)) ?? join(root, "etc/containers/policy.json");
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw new Failure("POLICY_REJECTED", `cannot read ${path}`, { cause: error });
  }
}
