import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import { parseReference } from "../oci/reference.ts";
import type { Credentials } from "./auth-file.ts";
import { namedEndpoint } from "./endpoints.ts";
import { type AccessOptions, connectionOf } from "./open-client.ts";
import type { RegistriesConf } from "./registries-conf.ts";
import { Session } from "./session.ts";

const CHECK_MS = 60_000;

/** What credentials are kept for: a registry, or a part of it. */
export interface LoginKey {
  /** HOST[:PORT][/NAMESPACE], as it stands in auth.json. */
  key: string;
  registry: string;
  /** Empty for the whole registry. */
  namespace: string;
}

/** REFERENCE_INVALID for URLs, tags, digests and names without a host. */
export function parseLoginKey(text: string): LoginKey {
  const [host = "", ...rest] = text.replace(/\/$/, "").split("/");
  const namespace = rest.join("/");
  const isHost = host === "localhost" || /[.:]/.test(host);
  if (text.includes("://") || text.includes("@") || namespace.includes(":") || !isHost)
    throw new Failure("REFERENCE_INVALID", `"${printable(text)}" is not a registry to log in to`, {
      hint: "Write HOST[:PORT] or HOST[:PORT]/NAMESPACE, without https:// and without a tag.",
    });
  const reference = parseReference(`${host}/${namespace === "" ? "name" : namespace}`);
  if (reference.transport !== "docker") throw new Error(`a registry led to ${reference.transport}`);
  const { registry } = reference;
  return { key: namespace === "" ? registry : `${registry}/${namespace}`, registry, namespace };
}

/**
 * Asks the registry whether it accepts the credentials. False when it asked for none, so that they could not be checked.
 * UNAUTHORIZED, REGISTRY_UNREACHABLE, DENIED.
 */
export async function checkCredentials(
  { registry }: LoginKey,
  credentials: Credentials,
  { conf, ...access }: AccessOptions & { conf: RegistriesConf },
): Promise<boolean> {
  const named = namedEndpoint(conf, { transport: "docker", registry, repository: "name", tag: "latest" });
  const insecure = access.tlsVerify === undefined ? named.insecure : !access.tlsVerify;
  let asked = false;
  const session = await Session.open(
    { registry, insecure },
    {
      ...(await connectionOf(registry, { ...access, insecure })),
      credentials: () => {
        asked = true;
        return Promise.resolve(credentials);
      },
    },
  );
  try {
    await session.retrying(async () => {
      const response = await session.request("", {
        scope: "",
        deadlineMs: CHECK_MS,
        asked: {
          what: "user" in credentials ? `user ${printable(credentials.user, 100)}` : "the token",
          missing: "IMAGE_UNKNOWN",
        },
      });
      await response.discard();
    });
    return asked;
  } finally {
    await session.close();
  }
}
