/** policy.json as a document that people and other programs edit too: what is not touched stays as it is. Pure. */
import { Failure } from "../errors.ts";
import { asObject, parseJson } from "../oci/json.ts";
import { parsePolicy } from "./policy.ts";

export type PolicyDocument = Record<string, unknown>;

/** Where requirements stand. */
export interface PolicyScope {
  transport: string;
  /** Empty: all of the transport. */
  scope: string;
}

const ACCEPT = { type: "insecureAcceptAnything" };

/** What a host has when nobody has decided anything: as the packages of podman and skopeo install it. */
export const DEFAULT_POLICY: PolicyDocument = {
  default: [ACCEPT],
  transports: { "docker-daemon": { "": [ACCEPT] } },
};

/** `undefined` text: there is no file. POLICY_REJECTED when it is no JSON object. */
export function readDocument(text: string | undefined, path: string): PolicyDocument {
  if (text === undefined) return structuredClone(DEFAULT_POLICY);
  try {
    return asObject(parseJson(text, path, { code: "POLICY_REJECTED" }), path, "POLICY_REJECTED");
  } catch (error) {
    throw new Failure("POLICY_REJECTED", `${path} cannot be edited: it is not a JSON object`, {
      hint: "Correct it by hand, or start anew: berth trust reset",
      cause: error,
    });
  }
}

/** The text of a document that programs will accept. POLICY_REJECTED when they would not. */
export function formatDocument(document: PolicyDocument): string {
  const text = `${JSON.stringify(document, undefined, 4)}\n`;
  parsePolicy(text);
  return text;
}

/** Puts `requirements` in the place of those of a scope. */
export function setScope(
  document: PolicyDocument,
  { transport, scope }: PolicyScope,
  requirements: object[],
): PolicyDocument {
  const transports = scopesOf(document);
  return {
    ...document,
    transports: { ...transports, [transport]: { ...childOf(transports, transport), [scope]: requirements } },
  };
}

/** Undefined when there is no such scope. A transport without scopes goes too. */
export function deleteScope(
  document: PolicyDocument,
  { transport, scope }: PolicyScope,
): PolicyDocument | undefined {
  const { [transport]: own, ...transports } = scopesOf(document);
  const { [scope]: found, ...rest } = asScopes(own);
  if (found === undefined) return undefined;
  const left = Object.keys(rest).length === 0 ? transports : { ...transports, [transport]: rest };
  return { ...document, transports: left };
}

export function setDefault(document: PolicyDocument, verdict: "accept" | "reject"): PolicyDocument {
  return { ...document, default: [verdict === "accept" ? ACCEPT : { type: "reject" }] };
}

function scopesOf(document: PolicyDocument): Record<string, unknown> {
  return asScopes(document["transports"]);
}

function childOf(transports: Record<string, unknown>, transport: string): Record<string, unknown> {
  return asScopes(transports[transport]);
}

function asScopes(value: unknown): Record<string, unknown> {
  return value === undefined || value === null ? {} : asObject(value, "transports", "POLICY_REJECTED");
}
