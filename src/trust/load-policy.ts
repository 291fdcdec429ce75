import { readFile } from "node:fs/promises";
import { Failure, isErrno } from "../errors.ts";
import { containersConfigPaths } from "../oci/containers-config.ts";
import { type Policy, parsePolicy } from "./policy.ts";

/** The user's policy.json, else the system's; undefined when there is neither. POLICY_REJECTED when it is not valid. */
export async function loadPolicy(root = "/"): Promise<Policy | undefined> {
  for (const path of containersConfigPaths("policy.json", root)) {
    const text = await readOptional(path);
    if (text !== undefined) return parseAt(text, path);
  }
  return undefined;
}

function parseAt(text: string, path: string): Policy {
  try {
    return parsePolicy(text);
  } catch (error) {
    throw new Failure("POLICY_REJECTED", `${path} is not a valid policy, so no image is accepted`, {
      hint: "Correct it as in containers-policy.json(5).",
      cause: error,
    });
  }
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw new Failure("POLICY_REJECTED", `cannot read ${path}, so no image is accepted`, { cause: error });
  }
}
