import { asObject } from "../oci/json.ts";
import { policyInvalid } from "./policy-invalid.ts";

/** One requirement of a scope, its fields checked but kept as written. */
export interface Requirement {
  type: RequirementType;
  fields: Record<string, unknown>;
}

type RequirementType =
  | "insecureAcceptAnything"
  | "reject"
  | "signedBy"
  | "signedBaseLayer"
  | "sigstoreSigned";

type FieldKind = "string" | "strings" | "object";

const FIELDS: Record<RequirementType, Record<string, FieldKind>> = {
  insecureAcceptAnything: {},
  reject: {},
  signedBy: {
    keyType: "string",
    keyPath: "string",
    keyPaths: "strings",
    keyData: "string",
    signedIdentity: "object",
  },
  signedBaseLayer: { baseLayerIdentity: "object" },
  sigstoreSigned: {
    keyPath: "string",
    keyPaths: "strings",
    keyData: "string",
    keyDatas: "strings",
    fulcio: "object",
    pki: "object",
    rekorPublicKeyPath: "string",
    rekorPublicKeyPaths: "strings",
    rekorPublicKeyData: "string",
    rekorPublicKeyDatas: "strings",
    signedIdentity: "object",
  },
};

const KEY_SOURCES: Partial<Record<RequirementType, readonly string[]>> = {
  signedBy: ["keyPath", "keyPaths", "keyData"],
  sigstoreSigned: ["keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki"],
};

const IDENTITIES: Record<string, readonly string[]> = {
  matchExact: [],
  matchRepoDigestOrExact: [],
  matchRepository: [],
  exactReference: ["dockerReference"],
  exactRepository: ["dockerRepository"],
  remapIdentity: ["prefix", "signedPrefix"],
};

const FULCIO = ["caPath", "caData", "oidcIssuer", "subjectEmail"];
const PKI = [
  "caRootsPath",
  "caRootsData",
  "caIntermediatesPath",
  "caIntermediatesData",
  "subjectEmail",
  "subjectHostname",
];

/** `where` names the scope in messages. POLICY_REJECTED. */
export function parseRequirement(value: unknown, where: string): Requirement {
  const { type, ...fields } = asObject(value, `policy: ${where}`, "POLICY_REJECTED");
  if (!isType(type)) throw policyInvalid(`${where}: unknown policy requirement type ${JSON.stringify(type)}`);
  const at = `${where}: ${type}`;
  for (const [name, field] of Object.entries(fields)) checkField(name, field, { kinds: FIELDS[type], at });
  checkKeys(type, fields, at);
  checkObjects(type, fields, at);
  return { type, fields };
}

function isType(type: unknown): type is RequirementType {
  return typeof type === "string" && Object.hasOwn(FIELDS, type);
}

function checkField(
  name: string,
  value: unknown,
  { kinds, at }: { kinds: Record<string, FieldKind>; at: string },
): void {
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind === undefined) throw policyInvalid(`${at}: unknown field "${name}"`);
  const fits =
    kind === "string"
      ? typeof value === "string"
      : kind === "strings"
        ? Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")
        : typeof value === "object" && value !== null && !Array.isArray(value);
  if (!fits)
    throw policyInvalid(`${at}: "${name}" is not ${kind === "strings" ? "a list of strings" : `a ${kind}`}`);
}

function checkKeys(type: RequirementType, fields: Record<string, unknown>, at: string): void {
  const sources = KEY_SOURCES[type];
  if (sources === undefined) return;
  const used = sources.filter((name) => name in fields);
  if (used.length !== 1) throw policyInvalid(`${at}: exactly one of ${sources.join(", ")} must be specified`);
  if (type === "signedBy" && fields["keyType"] !== "GPGKeys")
    throw policyInvalid(`${at}: Unimplemented "keyType" value ${JSON.stringify(fields["keyType"])}`);
  const rekor = Object.keys(fields).filter((name) => name.startsWith("rekor"));
  if (rekor.length > 1) throw policyInvalid(`${at}: more than one rekorPublicKey field`);
  if ("fulcio" in fields && rekor.length === 0)
    throw policyInvalid(`${at}: fulcio needs a rekorPublicKey field`);
  if ("pki" in fields && rekor.length > 0)
    throw policyInvalid(`${at}: pki and rekorPublicKey exclude each other`);
}

function checkObjects(type: RequirementType, fields: Record<string, unknown>, at: string): void {
  if (type === "signedBaseLayer" && fields["baseLayerIdentity"] === undefined)
    throw policyInvalid(`${at}: baseLayerIdentity is missing`);
  for (const name of ["signedIdentity", "baseLayerIdentity"])
    if (fields[name] !== undefined) checkIdentity(fields[name], `${at}: ${name}`);
  for (const [name, known] of [
    ["fulcio", FULCIO],
    ["pki", PKI],
  ] as const)
    if (fields[name] !== undefined) checkMembers(fields[name], { known, at: `${at}: ${name}` });
}

function checkIdentity(value: unknown, at: string): void {
  const { type, ...members } = asObject(value, `policy: ${at}`, "POLICY_REJECTED");
  const known = typeof type === "string" && Object.hasOwn(IDENTITIES, type) ? IDENTITIES[type] : undefined;
  if (known === undefined)
    throw policyInvalid(`${at}: unknown policy reference match type ${JSON.stringify(type)}`);
  checkMembers(members, { known, at });
  for (const name of known) if (!(name in members)) throw policyInvalid(`${at}: "${name}" is missing`);
}

function checkMembers(value: unknown, { known, at }: { known: readonly string[]; at: string }): void {
  for (const [name, member] of Object.entries(asObject(value, `policy: ${at}`, "POLICY_REJECTED"))) {
    if (!known.includes(name)) throw policyInvalid(`${at}: unknown field "${name}"`);
    if (typeof member !== "string") throw policyInvalid(`${at}: "${name}" is not a string`);
  }
}
