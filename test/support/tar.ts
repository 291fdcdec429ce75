import { type Header, pack } from "tar-stream";

/** One entry for `tarOf`: tar-stream's header, and the content. */
export interface Entry extends Partial<Header> {
  name: string;
  content?: string | Buffer;
}

/** An ordinary archive, written by tar-stream. */
export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = "", ...header } of entries) {
    const data = Buffer.from(content);
    const isFile = (header.type ?? "file") === "file";
    archive.entry(
      { mtime: new Date(0), ...header, ...(isFile ? { size: data.length } : {}) },
      isFile ? data : "",
    );
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A header block field by field, for what no decent writer makes. */
export interface RawHeader {
  name?: string | Buffer;
  mode?: string;
  uid?: string | Buffer;
  gid?: string | Buffer;
  size?: number | string | Buffer;
  mtime?: number | string | Buffer;
  type?: string;
  linkname?: string | Buffer;
  magic?: string;
  major?: string;
  minor?: string;
  prefix?: string | Buffer;
  checksum?: number | "signed" | "wrong";
}

export function rawHeader(header: RawHeader): Buffer {
  const block = Buffer.alloc(512);
  const put = (at: number, value: string | Buffer): void => {
    Buffer.from(value as string, "latin1").copy(block, at);
  };
  const number = (value: number | string | Buffer | undefined, width: number): string | Buffer =>
    typeof value === "number"
      ? `${value.toString(8).padStart(width, "0")}\0`
      : (value ?? `${"0".repeat(width)}\0`);
  put(0, header.name ?? "file");
  put(100, header.mode ?? "0000644\0");
  put(108, number(header.uid, 7));
  put(116, number(header.gid, 7));
  put(124, number(header.size, 11));
  put(136, number(header.mtime, 11));
  put(148, "        ");
  put(156, header.type ?? "0");
  put(157, header.linkname ?? "");
  put(257, header.magic ?? "ustar\x0000");
  put(329, header.major ?? "0000000\0");
  put(337, header.minor ?? "0000000\0");
  put(345, header.prefix ?? "");
  const sum = block.reduce((total, byte) => total + byte, 0);
  const signed = block.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0);
  const given = header.checksum;
  const value = given === "wrong" ? sum + 1 : given === "signed" ? signed : (given ?? sum);
  put(148, `${value.toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** Data padded to whole blocks. */
export function padded(data: string | Buffer): Buffer {
  const bytes = Buffer.from(data as string, "latin1");
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** A header and its data. */
export function rawEntry(header: RawHeader, data: string | Buffer = ""): Buffer {
  const length = Buffer.from(data as string, "latin1").length;
  return Buffer.concat([rawHeader({ size: length, ...header }), padded(data)]);
}

/** PAX records; values may be bytes. */
export function paxRecords(records: Record<string, string | Buffer>): Buffer {
  return Buffer.concat(
    Object.entries(records).map(([key, value]) => {
      const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as string), Buffer.from("\n")]);
      let length = body.length + String(body.length).length;
      if (body.length + String(length).length > length) length++;
      return Buffer.concat([Buffer.from(String(length)), body]);
    }),
  );
}

export function paxEntry(records: Record<string, string | Buffer>, type = "x"): Buffer {
  return rawEntry({ name: "PaxHeaders/x", type }, paxRecords(records));
}

export const END: Buffer = Buffer.alloc(1024);

/** An archive of raw parts, ended properly. */
export function rawTar(...parts: Buffer[]): Buffer {
  return Buffer.concat([...parts, END]);
}
