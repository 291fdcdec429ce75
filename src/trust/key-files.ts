import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { signatureRefused } from "./signature-refused.ts";

/** What a policy names inline or by paths: `names` are the fields to look at, of which one or none is set. SIGNATURE_INVALID. */
export async function readSources(
  fields: Record<string, unknown>,
  names: readonly string[],
  root: string,
): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for (const name of names) {
    const values = [fields[name] ?? []].flat().map(String);
    for (const value of values.filter((each) => each !== ""))
      found.push(/Datas?$/.test(name) ? Buffer.from(value, "base64") : await readKey(value, root));
  }
  return found;
}

async function readKey(path: string, root: string): Promise<Buffer> {
  try {
    return await readFile(join(root, path));
  } catch (error) {
    throw signatureRefused(`the policy's key ${path} cannot be read`, error);
  }
}
