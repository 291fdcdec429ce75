import { X509Certificate } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { userConfigDirectory } from "../oci/containers-config.ts";

/** Where distributions keep the certificates that the host trusts, as Go's crypto/x509 looks for them. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * The PEM certificates to trust for a registry: the host's own and the `*.crt` of the first certs.d directory that has one
 * for `host` (containers-certs.d(5)). Undefined means what Node brings. CONFIG_INVALID when one cannot be read.
 */
export async function loadAuthorities(host: string, root = "/"): Promise<string[] | undefined> {
  const own = await loadCertsD(host, root);
  const system = await loadBundle();
  if (system !== undefined) return [system, ...own];
  if (own.length === 0) return undefined;
  const { rootCertificates } = await import("node:tls");
  return [...rootCertificates, ...own];
}

async function loadCertsD(host: string, root: string): Promise<string[]> {
  const user = root === "/" ? [join(userConfigDirectory(), "containers/certs.d")] : [];
  const directories = [...user, join(root, "etc/containers/certs.d"), join(root, "etc/docker/certs.d")];
  for (const directory of directories) {
    const path = join(directory, host);
    const names = await listDirectory(path);
    if (names === undefined) continue;
    const certificates = names.filter((name) => name.endsWith(".crt")).sort();
    return await Promise.all(certificates.map((name) => readCertificates(join(path, name))));
  }
  return [];
}

async function loadBundle(): Promise<string | undefined> {
  const named = process.env["SSL_CERT_FILE"];
  for (const path of named === undefined || named === "" ? BUNDLES : [named]) {
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw unreadable(path, error);
    }
  }
  return undefined;
}

async function listDirectory(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw unreadable(path, error);
  }
}

/** OpenSSL passes over what it cannot read; an administrator's file is to be said wrong. */
async function readCertificates(path: string): Promise<string> {
  try {
    const text = await readFile(path, "utf8");
    const blocks = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
    if (blocks.length === 0) throw new Error("no PEM certificate in it");
    for (const block of blocks) new X509Certificate(block);
    return text;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): Failure {
  return new Failure("CONFIG_INVALID", `cannot read certificates from ${path}`, { cause });
}
