import { existsSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { Failure } from "../errors.ts";
import { parseJson } from "../oci/json.ts";
import { printable } from "../oci/printable.ts";

const SOCKETS = ["/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock"];
const ANSWER_LIMIT = 1024 * 1024;

export interface EngineRequest {
  method: "GET" | "POST";
  /** With the version, which every engine since Docker 17.05 and podman 3 knows. */
  path: string;
  body?: { size: number; content: AsyncIterable<Uint8Array> };
  signal?: AbortSignal | undefined;
}

/** One request to the engine's API. REGISTRY_UNREACHABLE when no engine listens, IMAGE_UNKNOWN for its 404. */
export async function askEngine({ method, path, body, signal }: EngineRequest): Promise<IncomingMessage> {
  const socketPath = engineSocket();
  const headers =
    body === undefined ? {} : { "content-type": "application/x-tar", "content-length": String(body.size) };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(
      { socketPath, method, path: `/v1.24${path}`, headers, ...(signal === undefined ? {} : { signal }) },
      resolve,
    );
    sent.on("error", reject);
    send(sent, body?.content).catch(reject);
  }).catch((cause: unknown) => {
    if (cause instanceof Failure) throw cause;
    if (signal?.aborted === true) throw new Failure("INTERRUPTED", "interrupted", { cause });
    throw new Failure("REGISTRY_UNREACHABLE", `no container engine answers at ${socketPath}`, {
      hint: "Start docker, or podman with `systemctl start podman.socket`, or set DOCKER_HOST=unix:///PATH.",
      cause,
    });
  });
  if (answer.statusCode === 200) return answer;
  const said = await readAnswer(answer);
  throw new Failure(
    // podman says so with status 500
    answer.statusCode === 404 || /no such image|not known/i.test(said) ? "IMAGE_UNKNOWN" : "UNSUPPORTED",
    `the engine at ${socketPath} answers ${answer.statusCode}: ${printable(messageOf(said))}`,
  );
}

/** In milliseconds: an engine that does not say by then whether it has an image has none. */
const PATIENCE = 3000;

/** Whether a container engine answers here and has an image of this name. */
export async function engineHasImage(name: string, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await askEngine({
      method: "GET",
      path: `/images/${encodeURIComponent(name)}/json`,
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    });
    answer.destroy();
    return true;
  } catch (error) {
    if (signal.aborted || !(error instanceof Failure)) throw error;
    return false;
  }
}

/** A short answer as text. */
export async function readAnswer(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    size += (chunk as Buffer).length;
    if (size > ANSWER_LIMIT) break;
    chunks.push(chunk as Buffer);
  }
  answer.destroy();
  return Buffer.concat(chunks).toString();
}

/** What DOCKER_HOST names, else the first socket that is there. */
function engineSocket(): string {
  const host = process.env["DOCKER_HOST"] ?? "";
  if (host.startsWith("unix://")) return host.slice("unix://".length);
  if (host !== "")
    throw new Failure("UNSUPPORTED", `DOCKER_HOST is ${printable(host)}: only unix:///PATH can be used`);
  return SOCKETS.find((path) => existsSync(path)) ?? "/run/docker.sock";
}

async function send(
  sent: ReturnType<typeof request>,
  content: AsyncIterable<Uint8Array> | undefined,
): Promise<void> {
  try {
    for await (const chunk of content ?? []) {
      if (sent.destroyed) return;
      if (!sent.write(chunk)) await drained(sent);
    }
    sent.end();
  } catch (error) {
    sent.destroy();
    throw error;
  }
}

/** Resolves too when the other side has closed: the answer, or the error, is heard elsewhere. */
function drained(sent: ReturnType<typeof request>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sent.off("drain", done);
      sent.off("close", done);
      resolve();
    };
    sent.on("drain", done);
    sent.on("close", done);
  });
}

/** `{"message": "..."}`, or whatever came. */
function messageOf(text: string): string {
  try {
    const { message, cause } = parseJson(text, "answer") as { message?: unknown; cause?: unknown };
    const said = message ?? cause;
    return typeof said === "string" ? said : text;
  } catch (error) {
    if (error instanceof Failure) return text;
    throw error;
  }
}
