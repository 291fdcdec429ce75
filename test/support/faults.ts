/** What a test server can do wrong on order, and how it sends an answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export type RequestKind = "ping" | "token" | "manifest" | "blob" | "upload" | "tags" | "referrers" | "other";

/** What goes wrong. The first fault that matches and has `times` left applies. */
export interface Fault {
  on: RequestKind | RegExp;
  /** How many requests it hits; default all. */
  times?: number;
  /** Let this many matching requests pass first. */
  skip?: number;
  /** Answer with this status and `body`, `headers`. */
  status?: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Change a byte in the middle of the body. */
  corrupt?: boolean;
  /** Send this many bytes of the body, then destroy the connection. With 0, headers only. */
  cut?: number;
  /** Destroy the connection before answering. */
  reset?: boolean;
  /** Send a complete answer that is this much shorter (negative) or longer than the content. */
  grow?: number;
  /** Never stop sending. */
  endless?: boolean;
  /** Milliseconds before the answer, and between chunks of `chunk` bytes. */
  delay?: number;
  chunk?: number;
  /** Ignore Range. */
  noRange?: boolean;
  /** Take this many bytes of what is sent, keep them, then destroy the connection. */
  take?: number;
  /** Answer before what is sent was read. */
  early?: boolean;
  /** Replace the type of the answer. */
  contentType?: string;
}

export interface Answer {
  status: number;
  body: string | Buffer;
  headers?: Record<string, string>;
  ranges?: boolean;
}

const HTML = "<!DOCTYPE html><html><body>Welcome to the captive portal</body></html>";

/** The fault of a proxy or captive portal that answers everything with a page. */
export const htmlFault = (on: Fault["on"]): Fault => ({
  on,
  status: 200,
  body: HTML,
  contentType: "text/html; charset=utf-8",
});

export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { answer, fault = { on: "other" } }: { answer: Answer; fault: Fault | undefined },
): Promise<void> {
  let { status } = answer;
  let body = Buffer.from(answer.body);
  const headers: Record<string, string> = { ...answer.headers, ...fault.headers };
  if (fault.contentType !== undefined) headers["content-type"] = fault.contentType;
  const from = rangeStart(request.headers.range);
  if (answer.ranges === true && fault.noRange !== true && from !== undefined) {
    if (from >= body.length) status = 416;
    else status = 206;
    headers["content-range"] = `bytes ${from}-${body.length - 1}/${body.length}`;
    body = body.subarray(from);
  }
  body = damage(body, fault);
  if (fault.endless !== true) headers["content-length"] = String(body.length);
  response.writeHead(status, headers);
  if (request.method === "HEAD") response.end();
  else if (fault.endless === true) await sendForever(response);
  else await sendBody(response, body, fault);
}

function damage(body: Buffer, { corrupt, grow = 0 }: Fault): Buffer<ArrayBuffer> {
  const damaged = Buffer.from(body);
  const middle = Math.floor(damaged.length / 2);
  if (corrupt === true) damaged[middle] = (damaged[middle] ?? 0) ^ 0xff;
  if (grow < 0) return damaged.subarray(0, Math.max(0, damaged.length + grow));
  return grow > 0 ? Buffer.concat([damaged, Buffer.alloc(grow, "x")]) : damaged;
}

async function sendBody(response: ServerResponse, body: Buffer, fault: Fault): Promise<void> {
  const end = Math.min(fault.cut ?? body.length, body.length);
  const chunk = fault.chunk ?? body.length;
  if (fault.cut === 0) response.flushHeaders();
  for (let at = 0; at < end && !response.destroyed; at += chunk) {
    await write(response, body.subarray(at, Math.min(at + chunk, end)));
    if (fault.chunk !== undefined && fault.delay !== undefined) await sleep(fault.delay);
  }
  if (fault.cut === undefined) response.end();
  else await sleep(5).then(() => response.destroy());
}

async function sendForever(response: ServerResponse): Promise<void> {
  const chunk = Buffer.alloc(65_536, " ");
  while (!response.destroyed) await write(response, chunk);
}

/** Resolves also when the client has gone away. */
async function write(response: ServerResponse, chunk: Buffer): Promise<void> {
  await new Promise<void>((resolve) => {
    response.once("close", resolve);
    response.write(chunk, () => {
      response.off("close", resolve);
      resolve();
    });
  });
}

function rangeStart(range: string | undefined): number | undefined {
  const match = /^bytes=(\d+)-$/.exec(range ?? "");
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
