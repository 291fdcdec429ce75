/** A Fulcio and a Rekor of the test's own: certificates by openssl, log entries signed by a key. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

export interface LeafOptions {
  email?: string;
  hostname?: string;
  /** OIDC issuer: as Fulcio writes it now, or in its old extension. */
  issuer?: string;
  oldIssuer?: string;
  /** Extended key usage. */
  usage?: string;
  /** Signed by the root rather than by the intermediate. */
  direct?: boolean;
}

export interface Leaf {
  key: KeyObject;
  pem: string;
}

export class Authority {
  readonly root: string;
  readonly intermediate: string;
  readonly #dir: string;

  static async open(): Promise<Authority> {
    const dir = await mkdtemp(join(tmpdir(), "berth-authority-"));
    const openssl = (...args: string[]): Promise<unknown> => execa("openssl", args, { cwd: dir });
    for (const name of ["root", "intermediate"])
      await openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
    const ca = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
    await openssl(
      ...["req", "-x509", "-new", "-key", "root.key", "-subj", "/CN=root", "-days", "3650"],
      ...ca,
      "-out",
      "root.pem",
    );
    await writeFile(
      join(dir, "ca.ext"),
      "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
    );
    await openssl(
      "req",
      "-new",
      "-key",
      "intermediate.key",
      "-subj",
      "/CN=intermediate",
      "-out",
      "intermediate.csr",
    );
    const signed = [
      "-CA",
      "root.pem",
      "-CAkey",
      "root.key",
      "-CAcreateserial",
      "-days",
      "3650",
      "-extfile",
      "ca.ext",
    ];
    await openssl("x509", "-req", "-in", "intermediate.csr", ...signed, "-out", "intermediate.pem");
    const read = (name: string): Promise<string> => readFile(join(dir, name), "utf8");
    return new Authority(dir, { root: await read("root.pem"), intermediate: await read("intermediate.pem") });
  }

  private constructor(dir: string, { root, intermediate }: { root: string; intermediate: string }) {
    this.#dir = dir;
    this.root = root;
    this.intermediate = intermediate;
  }

  /** A certificate for a day from now on. */
  async leaf({
    email,
    hostname,
    issuer,
    oldIssuer,
    usage = "codeSigning",
    direct = false,
  }: LeafOptions): Promise<Leaf> {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const at = (name: string): string => join(this.#dir, name);
    await writeFile(at("leaf.key"), privateKey.export({ type: "pkcs8", format: "pem" }));
    const names = [email && `email:${email}`, hostname && `DNS:${hostname}`].filter(Boolean);
    const extensions = [
      `extendedKeyUsage=${usage}`,
      ...(names.length > 0 ? [`subjectAltName=${names.join(",")}`] : []),
      ...(issuer === undefined ? [] : [`1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:${issuer}`]),
      ...(oldIssuer === undefined
        ? []
        : [`1.3.6.1.4.1.57264.1.1=DER:${Buffer.from(oldIssuer).toString("hex")}`]),
    ];
    await writeFile(at("leaf.ext"), `${extensions.join("\n")}\n`);
    const openssl = (...args: string[]): Promise<unknown> => execa("openssl", args, { cwd: this.#dir });
    await openssl("req", "-new", "-key", "leaf.key", "-subj", "/CN=leaf", "-out", "leaf.csr");
    const ca = direct ? "root" : "intermediate";
    await openssl(
      ...["x509", "-req", "-in", "leaf.csr", "-CA", `${ca}.pem`, "-CAkey", `${ca}.key`, "-CAcreateserial"],
      ...["-days", "1", "-extfile", "leaf.ext", "-out", "leaf.pem"],
    );
    return { key: privateKey, pem: await readFile(at("leaf.pem"), "utf8") };
  }

  async close(): Promise<void> {
    await rm(this.#dir, { recursive: true });
  }
}

export interface LogEntry {
  payload: Buffer;
  /** base64 */
  signature: string;
  /** PEM: the key, or the certificate. */
  signedWith: string;
  /** Seconds since 1970. */
  time?: number;
}

/** The annotation that cosign keeps: Rekor's promise for an entry. */
export function rekorBundle(log: KeyObject, { payload, signature, signedWith, time }: LogEntry): string {
  const body = {
    apiVersion: "0.0.1",
    kind: "hashedrekord",
    spec: {
      data: { hash: { algorithm: "sha256", value: createHash("sha256").update(payload).digest("hex") } },
      signature: { content: signature, publicKey: { content: Buffer.from(signedWith).toString("base64") } },
    },
  };
  // Keys in the order of the canonical form.
  const entry = {
    body: Buffer.from(JSON.stringify(body)).toString("base64"),
    integratedTime: time ?? Math.floor(Date.now() / 1000) + 5,
    logID: "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d",
    logIndex: 7,
  };
  const promise = sign("sha256", Buffer.from(JSON.stringify(entry)), log).toString("base64");
  return JSON.stringify({ SignedEntryTimestamp: promise, Payload: entry });
}
