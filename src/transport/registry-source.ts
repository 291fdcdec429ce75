import { Failure, isFailure } from "../errors.ts";
import { type Descriptor, descriptorData } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { RegistryReference } from "../oci/reference.ts";
import type { Signature } from "../oci/signature.ts";
import { verifyStream } from "../oci/verified-stream.ts";
import type { RegistryClient } from "../registry/client.ts";
import { type Endpoint, pullEndpoints } from "../registry/endpoints.ts";
import { loadRegistriesConf } from "../registry/load-registries-conf.ts";
import { openClient } from "../registry/open-client.ts";
import type { RegistriesConf } from "../registry/registries-conf.ts";
import type { Source, SourceManifest, SourceOptions } from "./source.ts";

interface Parts {
  conf: RegistriesConf;
  endpoints: readonly Endpoint[];
  options: SourceOptions;
}

/**
 * An image in a registry, at the places that registries.conf says: its mirrors in order, then the registry itself. The first
 * that gives the manifest is asked for everything, and those after it for what it turns out not to have.
 */
export class RegistrySource implements Source {
  readonly reference: RegistryReference;
  readonly #parts: Parts;
  readonly #clients = new Map<number, Promise<RegistryClient>>();
  /** The first endpoint that is still asked. */
  #from = 0;

  static async open(reference: RegistryReference, options: SourceOptions = {}): Promise<RegistrySource> {
    const conf = await loadRegistriesConf(options.root);
    return new RegistrySource(reference, { conf, endpoints: pullEndpoints(conf, reference), options });
  }

  private constructor(reference: RegistryReference, parts: Parts) {
    this.reference = reference;
    this.#parts = parts;
  }

  async manifest(digest?: Digest): Promise<SourceManifest> {
    const wanted = digest ?? this.reference.digest ?? this.reference.tag ?? "latest";
    const failures: MirrorFailure[] = [];
    for (let at = this.#from; ; at++) {
      try {
        const manifest = await (await this.#client(at)).manifest(wanted);
        this.#from = Math.max(this.#from, at);
        return manifest;
      } catch (error) {
        this.#nextAfter(error, at, failures);
      }
    }
  }

  blob(descriptor: Descriptor): AsyncIterable<Uint8Array> {
    const { digest, size } = descriptor;
    return verifyStream(this.#bytes(descriptor), { digest, size, what: `blob ${digest}` });
  }

  /** Of the place that gave the manifest. */
  async signatures(digest: Digest): Promise<Signature[]> {
    const { readSignatures } = await import("../registry/image-signatures.ts");
    const { endpoints, options } = this.#parts;
    const at = this.#from;
    const endpoint = endpoints[at];
    if (endpoint === undefined) throw new Error(`there is no endpoint ${at}`);
    const place = { reference: endpoint.reference, client: await this.#client(at), access: options };
    return await readSignatures(place, digest);
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values())
      await client.then(
        (opened) => opened.close(),
        () => {},
      );
  }

  /** Embedded data, the registry, or the URLs that a non-distributable layer names. */
  async *#bytes(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const data = descriptorData(descriptor);
    if (data !== undefined) {
      yield data;
      return;
    }
    const failures: MirrorFailure[] = [];
    for (let at = this.#from; ; at++) {
      let begun = false;
      try {
        for await (const chunk of this.#endpointBytes(descriptor, at)) {
          begun = true;
          yield chunk;
        }
        return;
      } catch (error) {
        if (begun) throw error;
        this.#nextAfter(error, at, failures);
      }
    }
  }

  async *#endpointBytes({ digest, urls }: Descriptor, at: number): AsyncGenerator<Uint8Array> {
    const client = await this.#client(at);
    try {
      yield* client.blob(digest);
    } catch (error) {
      const [url] = urls ?? [];
      if (url === undefined || !isFailure(error, "BLOB_UNKNOWN")) throw error;
      yield* client.foreignBlob(url);
    }
  }

  #client(at: number): Promise<RegistryClient> {
    const endpoint = this.#parts.endpoints[at];
    if (endpoint === undefined) throw new Error(`there is no endpoint ${at}`);
    const client = this.#clients.get(at) ?? openClient(this.#parts.conf, endpoint, this.#parts.options);
    this.#clients.set(at, client);
    return client;
  }

  /** Returns when another endpoint is to be asked; the failures of mirrors are told with that of the registry itself. */
  #nextAfter(error: unknown, at: number, failures: MirrorFailure[]): void {
    const { endpoints, options } = this.#parts;
    const endpoint = endpoints[at];
    if (endpoint === undefined || !isFailure(error) || error.code === "INTERRUPTED") throw error;
    if (at === endpoints.length - 1) throw withMirrors(error, failures);
    const mirror = endpoint.reference.registry;
    failures.push({ mirror, error });
    options.report?.({ type: "warning", message: `mirror ${mirror}: ${error.message}` });
  }
}

interface MirrorFailure {
  mirror: string;
  error: Failure;
}

function withMirrors(error: Failure, failures: readonly MirrorFailure[]): Failure {
  if (failures.length === 0) return error;
  const lines = failures.map(({ mirror, error: { message } }) => `mirror ${mirror}: ${message}`);
  const cause = new Error(lines.join("\n"), { cause: error.cause });
  return new Failure(error.code, error.message, { hint: error.hint, cause });
}
