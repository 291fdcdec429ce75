import { createHash } from "node:crypto";
import { bytesOf } from "../layer/byte-string.ts";
import type { Attributes } from "../layer/listing.ts";
import type { Xattr } from "../layer/xattrs.ts";

/**
 * The name of an object says all that a hard link shares, except times: `SHA256.MODE.UID.GID[.XATTRS]`, the
 * SHA-256 of the content (so that sha256sum can check a store), mode in octal, and 16 hex digits over the
 * extended attributes where there are any.
 */
export function objectName(sha256: string, { mode, uid, gid, xattrs }: Attributes): string {
  const name = `${sha256}.${mode.toString(8)}.${uid}.${gid}`;
  return xattrs.length === 0 ? name : `${name}.${xattrsHash(xattrs)}`;
}

function xattrsHash(xattrs: readonly Xattr[]): string {
  const hash = createHash("sha256");
  for (const { name, value } of xattrs) {
    hash.update(`${name.length} `).update(bytesOf(name));
    hash.update(`${value.length} `).update(value);
  }
  return hash.digest("hex").slice(0, 16);
}
