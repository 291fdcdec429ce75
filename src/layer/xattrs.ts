import type { ByteString } from "./byte-string.ts";
import type { PaxRecords } from "./pax.ts";

/** An extended attribute: both are bytes. */
export interface Xattr {
  name: ByteString;
  value: Buffer;
}

const PREFIX = "SCHILY.xattr.";

/** Name spaces that Linux knows. Others (macOS writes `com.apple.*`) no Linux file system can hold. */
const KEPT = ["user.", "security.", "trusted.", "system.posix_acl_"];
/** overlayfs' own, which could forge whiteouts and redirects; SELinux labels, which belong to the host's policy. */
const DROPPED = ["trusted.overlay.", "security.selinux"];

/**
 * The extended attributes of an entry, sorted by name. Only `SCHILY.xattr.` records count (libarchive writes a second, encoded copy).
 * user.* exists on files and directories only.
 */
export function xattrsOf(records: PaxRecords, type: string): Xattr[] {
  const xattrs: Xattr[] = [];
  for (const [key, value] of records) {
    if (!key.startsWith(PREFIX)) continue;
    const name = key.slice(PREFIX.length);
    if (!isKeptXattr(name)) continue;
    if (name.startsWith("user.") && type !== "file" && type !== "directory") continue;
    xattrs.push({ name, value: Buffer.from(value) });
  }
  return xattrs.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether berth keeps an attribute of this name. */
export function isKeptXattr(name: ByteString): boolean {
  return KEPT.some((prefix) => name.startsWith(prefix)) && !DROPPED.some((prefix) => name.startsWith(prefix));
}
