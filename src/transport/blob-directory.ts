import { createHash } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { type Digest, digestAlgorithm, digestHex } from "../oci/digest.ts";
import { printable } from "../oci/printable.ts";
import { asideOf } from "./tar-writer.ts";

/** Files of a directory that are written aside, synced and renamed, so that what has a name is whole. */
export class BlobDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Whether the file is there with exactly this content: a damaged one is written again. */
  async has(name: string, { digest, size }: { digest: Digest; size: number }): Promise<boolean> {
    const file = await open(join(this.path, name), "r").catch((error: unknown) => {
      if (isErrno(error, "ENOENT")) return undefined;
      throw error;
    });
    if (file === undefined) return false;
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size !== size) return false;
      const hash = createHash(digestAlgorithm(digest));
      for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1 << 18 }))
        hash.update(chunk as Buffer);
      return hash.digest("hex") === digestHex(digest);
    } finally {
      await file.close();
    }
  }

  /** Nothing stays when `content` throws. NO_SPACE. */
  async put(name: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    const path = join(this.path, name);
    await mkdir(dirname(path), { recursive: true });
    const aside = asideOf(path);
    try {
      const file = await open(aside, "wx", 0o644);
      try {
        for await (const chunk of content) await file.writeFile(chunk);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(aside, path);
    } catch (error) {
      await rm(aside, { force: true });
      if (!isErrno(error, "ENOSPC")) throw error;
      throw new Failure("NO_SPACE", `no space left for ${printable(path)}`, { cause: error });
    }
  }
}
