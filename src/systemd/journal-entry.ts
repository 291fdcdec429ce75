/** Structured entries of the journal: written to journald by its native protocol, read with journalctl. */
import { Failure, isErrno } from "../errors.ts";
import { sendDatagram } from "../sys/datagram.ts";
import { runTool } from "./run-tool.ts";

/** Names in capitals; see systemd.journal-fields(7). */
export type EntryFields = Record<string, string | undefined>;

const SOCKET = "/run/systemd/journal/socket";

/** Where no journald listens, or it cannot keep up, the entry is lost: a record must not stop what it tells of. */
export function writeEntry(fields: EntryFields, { socket = SOCKET }: { socket?: string } = {}): void {
  try {
    sendDatagram(socket, encodeEntry(fields));
  } catch (error) {
    if (["ENOENT", "ECONNREFUSED", "EAGAIN", "EACCES"].some((code) => isErrno(error, code))) return;
    throw error;
  }
}

/** The native protocol: `NAME=value` a line; a value of several lines comes with its length. Pure. */
export function encodeEntry(fields: EntryFields): Buffer {
  const parts = Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (!value.includes("\n")) return [Buffer.from(`${name}=${value}\n`)];
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    return [Buffer.from(`${name}\n`), length, bytes, Buffer.from("\n")];
  });
  return Buffer.concat(parts);
}

/**
 * Entries that match all `NAME=VALUE` of different names, and any of those of one; oldest first, the last `limit`.
 * @throws Failure NO_SYSTEMD without journalctl, JOB_FAILED with what it says.
 */
export async function readEntries(
  matches: readonly string[],
  { limit, signal }: { limit: number; signal?: AbortSignal | undefined },
): Promise<EntryFields[]> {
  await runTool("journalctl", ["--sync"], { signal });
  const args = ["--output=json", "--no-pager", "--quiet", `--lines=${limit}`, ...matches];
  const { exitCode, stdout, stderr } = await runTool("journalctl", args, { signal });
  if (exitCode !== 0 && !/^No journal files were found/m.test(stderr))
    throw new Failure("JOB_FAILED", `journalctl cannot show entries: ${stderr.trim()}`);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as EntryFields);
}
