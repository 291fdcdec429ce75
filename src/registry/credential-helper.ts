import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import type { Credentials } from "./auth-file.ts";

const TIMEOUT_MS = 60_000;

/** Asks `docker-credential-NAME get` for a registry. Undefined when it knows none; CONFIG_INVALID when it fails. */
export async function askHelper(name: string, host: string): Promise<Credentials | undefined> {
  const output = await runHelper(name, { verb: "get", host, input: host });
  return output === undefined ? undefined : parseAnswer(output, programOf(name));
}

/** Gives credentials to `docker-credential-NAME store`. */
export async function storeInHelper(name: string, host: string, credentials: Credentials): Promise<void> {
  const [user, password] =
    "identityToken" in credentials
      ? ["<token>", credentials.identityToken]
      : [credentials.user, credentials.password];
  const input = JSON.stringify({ ServerURL: host, Username: user, Secret: password });
  await runHelper(name, { verb: "store", host, input });
}

/** Has `docker-credential-NAME erase` forget a registry; false when it knew none. */
export async function eraseInHelper(name: string, host: string): Promise<boolean> {
  return (await runHelper(name, { verb: "erase", host, input: host })) !== undefined;
}

/** The registries that `docker-credential-NAME list` knows. */
export async function listHelper(name: string): Promise<string[]> {
  const output = (await runHelper(name, { verb: "list", host: "all registries", input: "" })) ?? "{}";
  try {
    return Object.keys((JSON.parse(output) ?? {}) as object);
  } catch {
    throw new Failure("CONFIG_INVALID", `the credential helper ${programOf(name)} did not answer with JSON`);
  }
}

/** What it prints; undefined when it knows no such credentials. Nothing of it gets into a message: it may be a secret. */
async function runHelper(
  name: string,
  { verb, host, input }: { verb: string; host: string; input: string },
): Promise<string | undefined> {
  const program = programOf(name);
  const { execa } = await import("execa");
  const result = await execa(program, [verb], {
    input,
    reject: false,
    timeout: TIMEOUT_MS,
    maxBuffer: 1024 * 1024,
  });
  const output = typeof result.stdout === "string" ? result.stdout : "";
  if (!result.failed) return output;
  if (/credentials not found/i.test(output)) return undefined;
  throw new Failure("CONFIG_INVALID", `the credential helper ${program} failed for ${host}`, {
    hint:
      result.code === "ENOENT" ? `Install ${program}, or remove it from the credentials file.` : undefined,
  });
}

function programOf(name: string): string {
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    throw new Failure("CONFIG_INVALID", `"${printable(name)}" is not the name of a credential helper`);
  return `docker-credential-${name}`;
}

function parseAnswer(output: string, program: string): Credentials | undefined {
  let answer: { Username?: unknown; Secret?: unknown };
  try {
    answer = JSON.parse(output) as typeof answer;
  } catch {
    throw new Failure("CONFIG_INVALID", `the credential helper ${program} did not answer with JSON`);
  }
  const { Username: user, Secret: password } = answer;
  if (typeof user !== "string" || typeof password !== "string" || password === "") return undefined;
  return user === "<token>" ? { identityToken: password } : { user, password };
}
