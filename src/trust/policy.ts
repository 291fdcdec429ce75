import { asObject, parseJson } from "../oci/json.ts";
import { policyInvalid } from "./policy-invalid.ts";
import { parseRequirement, type Requirement } from "./requirement.ts";

/** containers-policy.json(5). A scope's requirements must all accept an image. */
export interface Policy {
  default: Requirement[];
  /** Transport to scope to requirements. */
  transports: Map<string, Map<string, Requirement[]>>;
}

/** Strict, as containers/image: an unknown or duplicate field makes the whole file invalid. POLICY_REJECTED. */
export function parsePolicy(text: string): Policy {
  const body = asObject(parseJson(text, "policy", { code: "POLICY_REJECTED" }), "policy", "POLICY_REJECTED");
  for (const key of Object.keys(body))
    if (key !== "default" && key !== "transports") throw policyInvalid(`unknown field "${key}"`);
  if (body["default"] === undefined) throw policyInvalid('the field "default" is missing');
  const transports = asObject(body["transports"] ?? {}, "policy: transports", "POLICY_REJECTED");
  return {
    default: parseRequirements(body["default"], "default"),
    transports: new Map(
      Object.entries(transports).map(([name, scopes]) => [name, parseScopes(scopes, name)]),
    ),
  };
}

function parseScopes(value: unknown, transport: string): Map<string, Requirement[]> {
  const scopes = asObject(value, `policy: transports.${transport}`, "POLICY_REJECTED");
  return new Map(
    Object.entries(scopes).map(([scope, requirements]) => {
      checkScope(scope, transport);
      return [scope, parseRequirements(requirements, `${transport} scope "${scope}"`)];
    }),
  );
}

/** Scopes of transports whose images lie in directories are absolute, clean paths. */
function checkScope(scope: string, transport: string): void {
  if (transport !== "oci" && transport !== "dir") return;
  if (scope === "" || /^(?:\/(?!\.{1,2}(?:\/|$))[^/]+)+$/.test(scope)) return;
  throw policyInvalid(`${transport} scope "${scope}" is not an absolute path without ".", ".." or "//"`);
}

function parseRequirements(value: unknown, where: string): Requirement[] {
  if (!Array.isArray(value)) throw policyInvalid(`${where} is not a list of requirements`);
  if (value.length === 0)
    throw policyInvalid(`${where}: List of verification policy requirements must not be empty`);
  return value.map((item) => parseRequirement(item, where));
}
