import { asObject } from "../oci/json.ts";
import { parseNamed } from "./named.ts";
import { policyInvalid } from "./policy-invalid.ts";

/** One requirement of a scope, its fields checked but kept as written. */
export interface Requirement {
  type: RequirementType;
  fields: Record<string, unknown>;
}

export type RequirementType =
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

/** Sources that must not stand together. */
const EXCLUSIVE: readonly (readonly string[])[] = [
  ["rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas"],
];

/** Kinds of keys that the format knows; all but the first are for later versions of it, and accept nothing. */
export const KEY_TYPES = ["GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs"] as const;

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
  checkData(fields, at);
  if (countOf(fields, sources) !== 1)
    throw policyInvalid(`${at}: exactly one of ${sources.join(", ")} must be specified`);
  if (type === "signedBy" && !KEY_TYPES.includes(fields["keyType"] as (typeof KEY_TYPES)[number]))
    throw policyInvalid(`${at}: Unimplemented "keyType" value ${JSON.stringify(fields["keyType"])}`);
  for (const names of EXCLUSIVE)
    if (countOf(fields, names) > 1) throw policyInvalid(`${at}: more than one of ${names.join(", ")}`);
  const rekor = Object.keys(fields).filter((name) => name.startsWith("rekor"));
  if ("fulcio" in fields && rekor.length === 0)
    throw policyInvalid(`${at}: fulcio needs a rekorPublicKey field`);
  if ("pki" in fields && rekor.length > 0)
    throw policyInvalid(`${at}: pki and rekorPublicKey exclude each other`);
}

/** An empty value is as none. */
function countOf(fields: Record<string, unknown>, names: readonly string[]): number {
  return names.filter((name) => fields[name] !== undefined && fields[name] !== "").length;
}

function checkData(fields: Record<string, unknown>, at: string): void {
  for (const [name, value] of Object.entries(fields))
    if (/Datas?$/.test(name))
      for (const text of [value].flat())
        if (
          !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(
            String(text).replace(/[\r\n]/g, ""),
          )
        )
          throw policyInvalid(`${at}: "${name}" is not base64`);
}

function checkObjects(type: RequirementType, fields: Record<string, unknown>, at: string): void {
  if (type === "signedBaseLayer" && fields["baseLayerIdentity"] === undefined)
    throw policyInvalid(`${at}: baseLayerIdentity is missing`);
  for (const name of ["signedIdentity", "baseLayerIdentity"])
    if (fields[name] !== undefined) checkIdentity(fields[name], `${at}: ${name}`);
  if (fields["fulcio"] !== undefined) checkFulcio(fields["fulcio"], `${at}: fulcio`);
  if (fields["pki"] !== undefined) checkPki(fields["pki"], `${at}: pki`);
}

function checkFulcio(value: unknown, at: string): void {
  const members = checkMembers(value, { known: FULCIO, at });
  if (countOf(members, ["caPath", "caData"]) !== 1)
    throw policyInvalid(`${at}: exactly one of caPath, caData must be specified`);
  for (const name of ["oidcIssuer", "subjectEmail"])
    if (countOf(members, [name]) === 0) throw policyInvalid(`${at}: ${name} not specified`);
}

function checkPki(value: unknown, at: string): void {
  const members = checkMembers(value, { known: PKI, at });
  if (countOf(members, ["caRootsPath", "caRootsData"]) !== 1)
    throw policyInvalid(`${at}: exactly one of caRootsPath, caRootsData must be specified`);
  if (countOf(members, ["caIntermediatesPath", "caIntermediatesData"]) > 1)
    throw policyInvalid(`${at}: caIntermediatesPath and caIntermediatesData exclude each other`);
  if (countOf(members, ["subjectEmail", "subjectHostname"]) === 0)
    throw policyInvalid(`${at}: one of subjectEmail, subjectHostname must be specified`);
}

function checkIdentity(value: unknown, at: string): void {
  const { type, ...members } = asObject(value, `policy: ${at}`, "POLICY_REJECTED");
  const known = typeof type === "string" && Object.hasOwn(IDENTITIES, type) ? IDENTITIES[type] : undefined;
  if (known === undefined)
    throw policyInvalid(`${at}: unknown policy reference match type ${JSON.stringify(type)}`);
  const checked = checkMembers(members, { known, at });
  for (const name of known) if (!(name in checked)) throw policyInvalid(`${at}: "${name}" is missing`);
  for (const [name, text] of Object.entries(checked)) checkIdentityText(name, text, at);
}

function checkIdentityText(name: string, text: string, at: string): void {
  const named = parseNamed(text);
  const isHost = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?$/.test(text);
  const fits =
    name === "dockerReference"
      ? named?.isNameOnly === false
      : name === "dockerRepository"
        ? named?.isNameOnly === true
        : isHost || named?.name === text;
  if (!fits) throw policyInvalid(`${at}: "${name}" cannot be ${JSON.stringify(text)}`);
}

function checkMembers(
  value: unknown,
  { known, at }: { known: readonly string[]; at: string },
): Record<string, string> {
  const members = asObject(value, `policy: ${at}`, "POLICY_REJECTED");
  for (const [name, member] of Object.entries(members)) {
    if (!known.includes(name)) throw policyInvalid(`${at}: unknown field "${name}"`);
    if (typeof member !== "string") throw policyInvalid(`${at}: "${name}" is not a string`);
  }
  checkData(members, at);
  return members as Record<string, string>;
}
