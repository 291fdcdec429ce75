import { mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { homeDirectory } from "../oci/containers-config.ts";
import { type Digest, digestAlgorithm, digestHex } from "../oci/digest.ts";
import { printable } from "../oci/printable.ts";
import type { RegistryReference } from "../oci/registry-reference.ts";
import {
  formatSignature,
  MAX_SIGNATURE_BYTES,
  MAX_SIGNATURES,
  parseSignature,
  type Signature,
} from "../oci/signature.ts";
import { writeDurably } from "../sys/durable.ts";
import { Http, readBody } from "./http.ts";
import { lookasideOf, type RegistriesD } from "./registries-d.ts";
import { withRetries } from "./retry.ts";
import type { SessionOptions } from "./session.ts";

/**
 * Signatures in the files `BASE/REPOSITORY@sha256=HEX/signature-N`, N from 1 on: a directory, or any web server (written to
 * by PUT, where it allows that).
 */
export class Lookaside {
  readonly base: URL;
  readonly #repository: string;
  readonly #options: SessionOptions & { insecure?: boolean };

  /** What registries.d names for an image, else the directory that podman and skopeo use then. CONFIG_INVALID. */
  static of(
    conf: RegistriesD,
    reference: RegistryReference,
    { write, root = "/", ...options }: { write: boolean; root?: string | undefined } & SessionOptions,
  ): Lookaside {
    const named = lookasideOf(conf, reference, { write });
    const base = named === undefined ? new URL(`file://${defaultDirectory(root)}`) : parseBase(named);
    return new Lookaside(base, reference.repository, options);
  }

  constructor(base: URL, repository: string, options: SessionOptions & { insecure?: boolean } = {}) {
    this.base = base;
    this.#repository = repository;
    this.#options = options;
  }

  /** All of an image. SIGNATURE_INVALID when one is no signature or there are too many; REGISTRY_UNREACHABLE. */
  async read(digest: Digest): Promise<Signature[]> {
    const found: Signature[] = [];
    await this.#with(async (get) => {
      for (;;) {
        const place = this.place(digest, found.length + 1);
        const blob = await get(place);
        if (blob === undefined) return;
        if (found.length === MAX_SIGNATURES) throw tooMany(place);
        found.push(parseSignature(blob, printable(place)));
      }
    });
    return found;
  }

  /** Adds a signature after those that are there; returns where it is. */
  async add(digest: Digest, signature: Signature): Promise<string> {
    const present = await this.read(digest);
    const blob = formatSignature(signature);
    const same = present.findIndex((other) => formatSignature(other).equals(blob));
    const at = same < 0 ? present.length + 1 : same + 1;
    const place = this.place(digest, at);
    if (same >= 0) return place;
    if (this.base.protocol === "file:") await writeFileAt(pathOf(place), blob);
    else await this.#put(place, blob);
    return place;
  }

  /** Removes all of an image; how many there were. Of a directory only. */
  async removeAll(digest: Digest): Promise<number> {
    const present = await this.read(digest);
    if (present.length === 0) return 0;
    if (this.base.protocol !== "file:")
      throw new Failure("UNSUPPORTED", `signatures at ${this.base.href} can only be removed there`);
    await rm(dirname(pathOf(this.place(digest, 1))), { recursive: true });
    return present.length;
  }

  /** The URL of the Nth signature. */
  place(digest: Digest, at: number): string {
    const url = new URL(this.base);
    const directory = `${this.#repository}@${digestAlgorithm(digest)}=${digestHex(digest)}`;
    url.pathname = `${url.pathname.replace(/\/$/, "")}/${directory}/signature-${at}`;
    return url.href;
  }

  async #with(use: (get: (place: string) => Promise<Buffer | undefined>) => Promise<void>): Promise<void> {
    if (this.base.protocol === "file:") return use((place) => readSmall(pathOf(place)));
    const http = await Http.open(this.#options);
    try {
      const end = http.seriesEnd();
      await use((place) => {
        if (performance.now() > end) throw tooSlow(place);
        return withRetries(() => getOnce(http, place), this.#options);
      });
    } finally {
      await http.close();
    }
  }

  async #put(place: string, blob: Buffer): Promise<void> {
    const http = await Http.open(this.#options);
    try {
      const response = await http.request(new URL(place), {
        method: "PUT",
        body: blob,
        deadlineMs: http.smallMs,
      });
      await response.discard();
      if ([200, 201, 204].includes(response.status)) return;
      throw new Failure("DENIED", `${printable(place)}: the server answers ${response.status} to a PUT`, {
        hint: "Let it take files by PUT (dav_methods PUT of nginx), or name a directory as lookaside-staging in registries.d.",
      });
    } finally {
      await http.close();
    }
  }
}

function tooSlow(place: string): Failure {
  return new Failure("REGISTRY_UNREACHABLE", `${printable(place)}: the server sends signatures too slowly`);
}

async function getOnce(http: Http, place: string): Promise<Buffer | undefined> {
  const response = await http.request(new URL(place), { deadlineMs: http.smallMs });
  if (response.status === 404) {
    await response.discard();
    return undefined;
  }
  if (response.status === 200)
    return await readBody(response, { http, limit: MAX_SIGNATURE_BYTES, what: "signature" });
  await response.discard();
  throw new Failure("REGISTRY_UNREACHABLE", `${printable(place)}: the server answers ${response.status}`, {
    hint: "The server of the signatures must answer 404 where there is none.",
  });
}

async function readSmall(path: string): Promise<Buffer | undefined> {
  try {
    const file = await open(path, "r");
    try {
      if ((await file.stat()).size > MAX_SIGNATURE_BYTES)
        throw new Failure("SIGNATURE_INVALID", `${path} is larger than ${MAX_SIGNATURE_BYTES} bytes`);
    } finally {
      await file.close();
    }
    return await readFile(path);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

async function writeFileAt(path: string, blob: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeDurably(path, blob, { mode: 0o644 });
}

function pathOf(place: string): string {
  return decodeURIComponent(new URL(place).pathname);
}

function parseBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ["http:", "https:", "file:"].includes(url.protocol)) return url;
  throw new Failure(
    "CONFIG_INVALID",
    `registries.d: the lookaside ${printable(text)} is no file, http or https URL`,
  );
}

function defaultDirectory(root: string): string {
  if (root !== "/" || process.geteuid?.() === 0) return join(root, "var/lib/containers/sigstore");
  return join(homeDirectory(), ".local/share/containers/sigstore");
}

function tooMany(place: string): Failure {
  return new Failure(
    "SIGNATURE_INVALID",
    `${printable(place)}: more than ${MAX_SIGNATURES} signatures, which is unreasonable: is this a fault of the server?`,
  );
}
