/** Keys for the policy, from where people have them, and whose they are. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { printable } from "../oci/printable.ts";

const MAX_KEY_BYTES = 1024 * 1024;
const FETCH_MS = 60_000;

/** Of a file, an https URL, or (OpenPGP) a key of the user's GnuPG. USAGE when it is no public key. */
export async function exportKey(
  key: string,
  { gpg, gnupghome }: { gpg: boolean; gnupghome: string | undefined },
): Promise<Buffer> {
  const bytes = await bytesOf(key, { gpg, gnupghome });
  try {
    if (gpg) await (await import("../trust/openpgp.ts")).readKeyring([bytes]);
    else (await import("../trust/sigstore.ts")).readPublicKeys([bytes]);
  } catch (error) {
    throw new Failure("USAGE", `${printable(key)} is no ${gpg ? "OpenPGP" : "sigstore"} public key`, {
      cause: error,
    });
  }
  return bytes;
}

async function bytesOf(
  key: string,
  { gpg, gnupghome }: { gpg: boolean; gnupghome: string | undefined },
): Promise<Buffer> {
  if (/^https?:\/\//.test(key)) return await fetchKey(key);
  try {
    return await readFile(key);
  } catch (error) {
    if (!isErrno(error, "ENOENT") || !gpg || key.includes("/"))
      throw new Failure("USAGE", `cannot read the key ${printable(key)}`, { cause: error });
  }
  const { exportPublicKey } = await import("../trust/gpg-program.ts");
  const exported = await exportPublicKey(key, gnupghome);
  if (exported.length > 0) return exported;
  throw new Failure("USAGE", `there is no file and no GnuPG key ${printable(key)}`, {
    hint: "gpg --list-keys shows those that it has; --gnupghome names another place.",
  });
}

async function fetchKey(url: string): Promise<Buffer> {
  const { Http, readBody } = await import("../registry/http.ts");
  const http = await Http.open({});
  try {
    const response = await http.request(new URL(url), { deadlineMs: FETCH_MS });
    if (response.status !== 200) {
      await response.discard();
      throw new Failure("REGISTRY_UNREACHABLE", `${printable(url)}: the server answers ${response.status}`);
    }
    return await readBody(response, { http, limit: MAX_KEY_BYTES, what: "key" });
  } finally {
    await http.close();
  }
}

/** For people: the addresses of OpenPGP keys (or the whole user id where it has none), the email of a certificate, names of files. */
export async function keyOwners(fields: Record<string, unknown>, root: string): Promise<string[]> {
  const { fulcio, pki } = fields as { fulcio?: Record<string, string>; pki?: Record<string, string> };
  const subject = fulcio?.["subjectEmail"] ?? pki?.["subjectEmail"] ?? pki?.["subjectHostname"];
  if (subject !== undefined) return [subject];
  const paths = ["keyPath", "keyPaths"].flatMap((name) => [fields[name] ?? []].flat().map(String));
  const data = ["keyData", "keyDatas"].flatMap((name) => [fields[name] ?? []].flat().map(String));
  const owners: string[] = [];
  for (const text of data)
    owners.push(...(await ownersOf(Buffer.from(text, "base64"), "a key that cannot be read")));
  for (const path of paths) {
    const bytes = await readFile(join(root, path)).catch(() => undefined);
    owners.push(...(bytes === undefined ? [`${path} (missing)`] : await ownersOf(bytes, path)));
  }
  return owners.map((owner) => printable(owner, 120));
}

async function ownersOf(bytes: Buffer, otherwise: string): Promise<string[]> {
  if (bytes.toString("latin1").includes("BEGIN PUBLIC KEY")) {
    const { keyName, readPublicKeys } = await import("../trust/sigstore.ts");
    try {
      return readPublicKeys([bytes]).map((key) => keyName(key).slice(0, 19));
    } catch {
      return [otherwise];
    }
  }
  try {
    const { readKeyring } = await import("../trust/openpgp.ts");
    const keys = await readKeyring([bytes]);
    return keys.map((key) => {
      const [user = key.getFingerprint().toUpperCase()] = key.getUserIDs();
      return /<([^>]+)>/.exec(user)?.[1] ?? user;
    });
  } catch {
    return [otherwise];
  }
}
