import { randomBytes } from "node:crypto";
import type { Digest } from "../oci/digest.ts";
import { asArray, asObject, asString, parseJson } from "../oci/json.ts";
import { formatSignature, MAX_SIGNATURE_BYTES, parseSignature, type Signature } from "../oci/signature.ts";
import { readBody } from "./http.ts";
import type { Session } from "./session.ts";

export interface SignedRepository {
  repository: string;
  scope: string;
  digest: Digest;
}

/** Whether a registry keeps signatures itself (`X-Registry-Supports-Signatures`, OpenShift's): then no lookaside counts. */
export async function supportsSignatures(session: Session): Promise<boolean> {
  return await session.retrying(async () => {
    // Without credentials the answer says so too.
    const response = await session.http.request(await session.url(""), { deadlineMs: session.http.smallMs });
    await response.discard();
    return response.header("x-registry-supports-signatures") === "1";
  });
}

/** SIGNATURE_INVALID; signatures of another type than `atomic` are left out. */
export async function readExtension(session: Session, place: SignedRepository): Promise<Signature[]> {
  const body = await session.retrying(async () => {
    const response = await session.request(await urlOf(session, place), {
      scope: place.scope,
      asked: { what: `signatures of ${place.digest}`, missing: "IMAGE_UNKNOWN" },
      deadlineMs: session.http.smallMs,
    });
    return await readBody(response, {
      http: session.http,
      limit: MAX_SIGNATURE_BYTES,
      what: "list of signatures",
    });
  });
  const what = `signatures of ${place.digest} at ${session.host}`;
  const list = asArray(asObject(parseJson(body, what), what)["signatures"], what);
  return list
    .map((item) => asObject(item, what))
    .filter((item) => item["type"] === "atomic" && item["schemaVersion"] === 2)
    .map((item) => parseSignature(Buffer.from(asString(item["content"], what), "base64"), what));
}

export async function writeExtension(
  session: Session,
  place: SignedRepository,
  signature: Signature,
): Promise<string> {
  const name = `${place.digest}@${randomBytes(16).toString("hex")}`;
  const content = formatSignature(signature).toString("base64");
  const body = JSON.stringify({ schemaVersion: 2, name, type: "atomic", content });
  const url = await urlOf(session, place);
  await session.retrying(async () => {
    const response = await session.request(url, {
      method: "PUT",
      scope: place.scope,
      body,
      headers: { "content-type": "application/json" },
      asked: { what: `signatures of ${place.digest}`, missing: "IMAGE_UNKNOWN" },
      accept: [200, 201, 204],
      deadlineMs: session.http.smallMs,
    });
    await response.discard();
  });
  return url.href;
}

async function urlOf(session: Session, { repository, digest }: SignedRepository): Promise<URL> {
  return new URL(`/extensions/v2/${repository}/signatures/${digest}`, await session.url(""));
}
