import { byteString } from "../layer/byte-string.ts";
import { isKeptXattr, type Xattr } from "../layer/xattrs.ts";
import { lgetxattr, llistxattr } from "../sys/xattr.ts";

/** The extended attributes of a file of the host that a layer could have given it, sorted by name; those of the host's own policy are left out. */
export function readXattrs(path: string | Buffer): Xattr[] {
  const xattrs: Xattr[] = [];
  for (const bytes of llistxattr(path)) {
    const name = byteString(bytes);
    const value = isKeptXattr(name) ? lgetxattr(path, bytes) : undefined;
    if (value !== undefined) xattrs.push({ name, value: Buffer.from(value) });
  }
  return xattrs.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function sameXattrs(a: readonly Xattr[], b: readonly Xattr[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, value }, at) => b[at]?.name === name && value.equals(b[at].value))
  );
}
