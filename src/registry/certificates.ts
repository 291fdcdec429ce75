import { createPrivateKey, X509Certificate } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { userConfigDirectory } from "../oci/containers-config.ts";
import type { ClientCertificate } from "./http.ts";

/** Where distributions keep the certificates that the host trusts, as Go's crypto/x509 looks for them. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** What containers-certs.d(5) says of one registry. */
export interface Certificates {
  /** PEM certificates to trust: the host's own and the `*.crt`. Undefined means what Node brings. */
  authorities: string[] | undefined;
  /** The pairs of `*.cert` and `*.key`. */
  clients: ClientCertificate[];
}

/** From the first certs.d directory that has one for `host` (HOST[:PORT]). CONFIG_INVALID for half a pair, or unreadable ones. */
export async function loadCertificates(host: string, root = "/"): Promise<Certificates> {
  const { authorities: own, clients } = await loadCertsD(host, root);
  const system = await loadBundle();
  if (system !== undefined) return { authorities: [system, ...own], clients };
  if (own.length === 0) return { authorities: undefined, clients };
  const { rootCertificates } = await import("node:tls");
  return { authorities: [...rootCertificates, ...own], clients };
}

async function loadCertsD(
  host: string,
  root: string,
): Promise<{ authorities: string[]; clients: ClientCertificate[] }> {
  const user = root === "/" ? [join(userConfigDirectory(), "containers/certs.d")] : [];
  const directories = [...user, join(root, "etc/containers/certs.d"), join(root, "etc/docker/certs.d")];
  for (const directory of directories) {
    const path = join(directory, host);
    const names = await listDirectory(path);
    if (names === undefined) continue;
    const certificates = names.filter((name) => name.endsWith(".crt")).sort();
    return {
      authorities: await Promise.all(certificates.map((name) => readCertificates(join(path, name)))),
      clients: await loadClients(path, names),
    };
  }
  return { authorities: [], clients: [] };
}

async function loadClients(directory: string, names: string[]): Promise<ClientCertificate[]> {
  const stems = names
    .filter((name) => /\.(?:cert|key)$/.test(name))
    .map((name) => name.replace(/\.\w+$/, ""));
  return await Promise.all(
    [...new Set(stems)].sort().map(async (stem) => {
      const [cert, key] = [`${stem}.cert`, `${stem}.key`];
      if (!names.includes(key))
        throw new Failure(
          "CONFIG_INVALID",
          `missing key ${key} for client certificate ${cert} in ${directory}`,
          {
            hint: "Put the key beside it; the certificate of an authority is called *.crt.",
          },
        );
      if (!names.includes(cert))
        throw new Failure(
          "CONFIG_INVALID",
          `missing client certificate ${cert} for key ${key} in ${directory}`,
        );
      return {
        cert: await readCertificates(join(directory, cert)),
        key: await readKey(join(directory, key)),
      };
    }),
  );
}

/** The error of a key that does not parse is kept out: nothing of a key belongs into a message. */
async function readKey(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    createPrivateKey(text);
    return text;
  } catch {
    throw new Failure("CONFIG_INVALID", `${path} is not a private key in PEM without a passphrase`);
  }
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
