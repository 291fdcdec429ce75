/** What policies and signatures are tried on: a registry with one image, signers, and a server of signatures. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gpg, type SignOptions } from "./gpg.ts";
import { makeImage, type TestContent, type TestImage } from "./images.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";
import {
  cosignManifest,
  cosignPayload,
  cosignSignature,
  type PayloadOptions,
  payloadOf,
  type SigstoreKey,
  sigstoreKey,
  writeLookaside,
} from "./signed.ts";

export const ACCEPT = { type: "insecureAcceptAnything" };
export const REJECT = { type: "reject" };
export const NAME = "team/app";
/** Of no image. */
export const OTHER: string = `sha256:${"0".repeat(64)}`;
const PAST = "20200101T000000!";

/** A layer that cosign would make. */
export interface Attached {
  payload: Buffer;
  annotations: Record<string, string>;
}

export interface TrustCase {
  name: string;
  /** A policy document, or its text; `requirements`: those for the registry, all else being rejected. */
  policy?: object | string | ((bench: TrustBench) => object);
  requirements?: (bench: TrustBench) => object[];
  /** For the lookaside directory. */
  signatures?: (bench: TrustBench) => Promise<Buffer[]>;
  /** For cosign's tag. */
  attached?: (bench: TrustBench) => Attached[] | Promise<Attached[]>;
  /** Manifests that refer to the image. */
  referrers?: (bench: TrustBench) => TestContent[];
  /** By digest instead of by tag. */
  byDigest?: boolean;
  registriesD?: (bench: TrustBench) => object;
  accepts: boolean;
  says?: RegExp;
  /** What a skopeo says instead, and why that is not berth's. */
  but?: { judge: "skopeo 1.9" | "skopeo 1.18"; accepts: boolean; because: string }[];
}

export class TrustBench {
  readonly gpg: Gpg;
  readonly registry: TestRegistry;
  readonly image: TestImage;
  /** Where cases have their files. */
  readonly dir: string;
  /** Fingerprints, by the name of the signer; and public keys in base64, by the name of the key ring. */
  readonly keys: Record<string, string> = {};
  readonly rings: Record<string, string> = {};
  readonly cosign: SigstoreKey = sigstoreKey();
  readonly otherCosign: SigstoreKey = sigstoreKey();
  readonly #server: Server;
  #served: readonly Buffer[] = [];

  static async open(): Promise<TrustBench> {
    const dir = await mkdtemp(join(tmpdir(), "berth-trust-"));
    const parts = { dir, gpg: await Gpg.open(), image: await makeImage() };
    const bench = new TrustBench({ ...parts, registry: await startRegistry({ referrers: true }) });
    await bench.#makeKeys();
    await new Promise<void>((resolve) => bench.#server.listen(0, "127.0.0.1", resolve));
    return bench;
  }

  private constructor(parts: Pick<TrustBench, "dir" | "gpg" | "image" | "registry">) {
    this.dir = parts.dir;
    this.gpg = parts.gpg;
    this.image = parts.image;
    this.registry = parts.registry;
    this.#server = createServer((request, response) => {
      const { status, body } = this.#serve(request.url ?? "");
      response.writeHead(status).end(body ?? "");
    });
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.registry.close();
    await this.gpg.close();
    await rm(this.dir, { recursive: true });
  }

  get host(): string {
    return this.registry.host;
  }

  get tagged(): string {
    return `${this.host}/${NAME}:1`;
  }

  /** Where the server has the signatures of a case. */
  get web(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/signatures`;
  }

  /** A requirement. */
  signedBy(ring: string, more: object = {}): object {
    return { type: "signedBy", keyType: "GPGKeys", keyData: this.rings[ring], ...more };
  }

  /** A requirement. */
  sigstoreSigned(more: object = {}): object {
    return { type: "sigstoreSigned", keyData: Buffer.from(this.cosign.pem).toString("base64"), ...more };
  }

  /** A payload for the image under its name. */
  payload(more: Partial<PayloadOptions> = {}): string {
    return payloadOf({ identity: this.tagged, digest: this.image.digest, ...more });
  }

  sign(content: string, key = "alice", options: SignOptions = {}): Promise<Buffer> {
    return this.gpg.sign(content, this.keys[key] ?? "", options);
  }

  async signed(more: Partial<PayloadOptions> = {}, key = "alice"): Promise<Buffer[]> {
    return [await this.sign(this.payload(more), key)];
  }

  attach(more: Partial<PayloadOptions> = {}, { key }: SigstoreKey = this.cosign): Attached[] {
    const payload = cosignPayload({ identity: this.tagged, digest: this.image.digest, ...more });
    return [
      { payload, annotations: { "dev.cosignproject.cosign/signature": cosignSignature(payload, key) } },
    ];
  }

  /** Makes the tree and the registry as the case wants them; the tree, and the image's name as typed. */
  async prepare(each: TrustCase): Promise<{ root: string; name: string }> {
    const root = await mkdtemp(join(this.dir, "case-"));
    await mkdir(join(root, "etc/containers/registries.d"), { recursive: true });
    await mkdir(join(root, this.dir), { recursive: true });
    // As seen by skopeo, and below the tree.
    for (const prefix of ["", root])
      await writeFile(join(prefix, this.dir, "alice.gpg"), Buffer.from(this.rings["alice"] ?? "", "base64"));
    const reference = await this.#publish(each);
    this.#served = (await each.signatures?.(this)) ?? [];
    const lookaside = join(root, "lookaside");
    await writeLookaside(lookaside, { repository: NAME, digest: this.image.digest }, this.#served);
    await this.#configure(each, { root, lookaside });
    const name = each.byDigest === true ? `${this.host}/${NAME}@${this.image.digest}` : reference;
    return { root, name };
  }

  async #publish(each: TrustCase): Promise<string> {
    this.registry.content.manifests.clear();
    const reference = this.registry.push(NAME, this.image, "1");
    const attached = (await each.attached?.(this)) ?? [];
    const tag = `${this.image.digest.replace(":", "-")}.sig`;
    if (attached.length > 0) this.registry.push(NAME, cosignManifest(attached), tag);
    for (const referrer of each.referrers?.(this) ?? []) this.registry.push(NAME, referrer, null);
    return reference;
  }

  async #configure(each: TrustCase, { root, lookaside }: { root: string; lookaside: string }): Promise<void> {
    const etc = join(root, "etc/containers");
    const policy = each.requirements
      ? { default: [REJECT], transports: { docker: { [this.host]: each.requirements(this) } } }
      : typeof each.policy === "function"
        ? each.policy(this)
        : each.policy;
    const text = typeof policy === "string" ? policy : JSON.stringify(policy);
    const scope = { lookaside: `file://${lookaside}`, "use-sigstore-attachments": true };
    const registriesD = each.registriesD?.(this) ?? { docker: { [this.host]: scope } };
    await writeFile(join(etc, "policy.json"), text);
    await writeFile(
      join(etc, "registries.conf"),
      `[[registry]]\nlocation = "${this.host}"\ninsecure = true\n`,
    );
    await writeFile(join(etc, "registries.d/default.yaml"), JSON.stringify(registriesD));
  }

  #serve(path: string): { status: number; body?: Buffer | undefined } {
    if (path.includes("forbidden")) return { status: 403 };
    const at = /^\/signatures\/team\/app@sha256=[0-9a-f]{64}\/signature-(\d+)$/.exec(path)?.[1];
    const body = at === undefined ? undefined : this.#served[Number(at) - 1];
    return body === undefined ? { status: 404 } : { status: 200, body };
  }

  async #makeKeys(): Promise<void> {
    const { gpg, keys, rings } = this;
    for (const name of ["alice", "bob", "revoked", "owner"])
      keys[name] = await gpg.key(`${name} <${name}@example.com>`);
    keys["expired"] = await gpg.key("expired <expired@example.com>", { at: PAST, expires: "1y" });
    keys["short"] = await gpg.key("short <short@example.com>", { at: PAST });
    keys["subkey"] = await gpg.subkey(keys["owner"] ?? "");
    for (const name of ["alice", "bob", "expired", "short", "owner"])
      rings[name] = (await gpg.export(keys[name] ?? "")).toString("base64");
    rings["both"] = (await gpg.export(keys["alice"] ?? "", keys["bob"] ?? "")).toString("base64");
  }
}

/** A part of a requirement. */
export function identity(type: string, more: object = {}): { signedIdentity: object } {
  return { signedIdentity: { type, ...more } };
}
