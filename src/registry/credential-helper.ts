import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import type { Credentials } from "./auth-file.ts";

const TIMEOUT_MS = 60_000;

/** Asks `docker-credential-NAME get` for a registry. Undefined when it knows none; CONFIG_INVALID when it fails. */
export async function askHelper(name: string, host: string): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    throw new Failure("CONFIG_INVALID", `"${printable(name)}" is not the name of a credential helper`);
  const { execa } = await import("execa");
  const result = await execa(program, ["get"], {
    input: host,
    reject: false,
    timeout: TIMEOUT_MS,
    maxBuffer: 1024 * 1024,
  });
  const output = typeof result.stdout === "string" ? result.stdout : "";
  if (result.failed) {
    if (/credentials not found/i.test(output)) return undefined;
    throw new Failure("CONFIG_INVALID", `the credential helper ${program} failed for ${host}`, {
      hint:
        result.code === "ENOENT" ? `Install ${program}, or remove it from the credentials file.` : undefined,
    });
  }
  return parseAnswer(output, program);
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
