/** Questions to whoever sits at the terminal that the command was started from, wherever its streams lead. */
import { constants, openSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";

export interface Question {
  /** Written as it is, for example `Password: `. */
  text: string;
  /** Nothing of the answer is shown. */
  secret?: boolean;
  signal: AbortSignal;
}

/** The line that is typed; undefined when there is no terminal. Throws the reason of `signal` when it is aborted. */
export async function askTerminal({ text, secret = false, signal }: Question): Promise<string | undefined> {
  const fd = openTerminal();
  if (fd === undefined) return undefined;
  const terminal = new ReadStream(fd);
  if (secret) terminal.setRawMode(true);
  try {
    writeSync(fd, text);
    return await readLine(terminal, { secret, signal });
  } finally {
    if (secret) {
      terminal.setRawMode(false);
      writeSync(fd, "\n");
    }
    terminal.destroy();
  }
}

/** All that stands on standard input; undefined when it is more than `limit` bytes. */
export async function readStandardInput({ limit }: { limit: number }): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > limit) return undefined;
  }
  return Buffer.concat(chunks).toString();
}

/** The first line on standard input, at most `limit` bytes of it; empty where there is none. */
export async function readInputLine({ limit }: { limit: number }): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.includes("\n") || text.length > limit) break;
  }
  return (text.split("\n")[0] ?? "").slice(0, limit);
}

function openTerminal(): number | undefined {
  try {
    return openSync("/dev/tty", constants.O_RDWR);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENXIO" || code === "ENOENT" || code === "EIO") return undefined;
    throw error;
  }
}

const INTERRUPT = 0x03;
const END = 0x04;
const ERASE = [0x08, 0x7f];
const LINE_ENDS = [0x0a, 0x0d];

/** Without echo the terminal is raw, so that its keys for interrupt and erase are ours to see. */
function readLine(
  terminal: ReadStream,
  { secret, signal }: { secret: boolean; signal: AbortSignal },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const typed: number[] = [];
    const abort = (): void => reject(signal.reason as Error);
    const finish = (): void => {
      signal.removeEventListener("abort", abort);
      resolve(Buffer.from(typed).toString());
    };
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    terminal.on("error", reject);
    terminal.on("end", finish);
    terminal.on("data", (chunk: Buffer) => {
      for (const byte of chunk) {
        if (LINE_ENDS.includes(byte) || byte === END) return finish();
        if (secret && byte === INTERRUPT) process.kill(process.pid, "SIGINT");
        else if (secret && ERASE.includes(byte)) typed.pop();
        else typed.push(byte);
      }
    });
  });
}
