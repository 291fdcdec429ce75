import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { lgetxattr, llistxattr } from "../../src/sys/xattr.ts";

/**
 * All that can be seen of the files below `dir`, one line each, sorted: path, type, mode, owner, link target
 * or size and SHA-256, xattrs, and with `times` the modification time. Two equal listings are two equal
 * trees.
 */
export function listingOf(dir: string, { times = false, xattrs = true } = {}): string[] {
  const lines: string[] = [];
  const visit = (path: Buffer, shown: Buffer): void => {
    const stat = lstatSync(path, { bigint: true });
    const facts = [
      (Number(stat.mode) >> 12).toString(8),
      (Number(stat.mode) & 0o7777).toString(8),
      `${stat.uid}:${stat.gid}`,
      ...(times ? [String(stat.mtimeNs)] : []),
      ...(stat.isSymbolicLink() ? [readlinkSync(path, "latin1")] : []),
      ...(stat.isFile()
        ? [String(stat.size), createHash("sha256").update(readFileSync(path)).digest("hex")]
        : []),
      ...(stat.isCharacterDevice() || stat.isBlockDevice() ? [String(stat.rdev)] : []),
      ...(xattrs ? xattrsOf(path) : []),
    ];
    lines.push(`${shown.toString("latin1") || "."} ${facts.join(" ")}`);
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(path, { encoding: "buffer" }))
      visit(Buffer.concat([path, Buffer.from("/"), name]), Buffer.concat([shown, Buffer.from("/"), name]));
  };
  visit(Buffer.from(dir), Buffer.alloc(0));
  return lines.sort();
}

function xattrsOf(path: Buffer): string[] {
  return llistxattr(path)
    .map((name) => `${name.toString("latin1")}=${lgetxattr(path, name)?.toString("hex")}`)
    .sort();
}
