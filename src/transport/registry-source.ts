import { isFailure } from "../errors.ts";
import { type Descriptor, descriptorData } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { RegistryReference } from "../oci/reference.ts";
import { verifyStream } from "../oci/verified-stream.ts";
import { loadAuthorities } from "../registry/certificates.ts";
import { physicalHost, RegistryClient } from "../registry/client.ts";
import { findCredentials } from "../registry/credentials.ts";
import { loadRegistriesConf } from "../registry/load-registries-conf.ts";
import { type RegistriesConf, resolveEndpoint } from "../registry/registries-conf.ts";
import type { Source, SourceManifest, SourceOptions } from "./source.ts";

/** An image in a registry, at the place that registries.conf says. */
export class RegistrySource implements Source {
  readonly reference: RegistryReference;
  readonly #client: RegistryClient;

  static async open(reference: RegistryReference, options: SourceOptions = {}): Promise<RegistrySource> {
    const conf = await loadRegistriesConf(options.root);
    const endpoint = resolveEndpoint(conf, reference);
    const insecure = options.tlsVerify === undefined ? endpoint.insecure : !options.tlsVerify;
    const host = physicalHost(endpoint.reference.registry);
    const client = await RegistryClient.open(
      { reference: endpoint.reference, insecure },
      {
        authorities: insecure ? undefined : await loadAuthorities(host, options.root),
        credentials: () =>
          findCredentials(credentialKey(endpoint.reference), credentialOptions(conf, options)),
        signal: options.signal,
        report: options.report,
        retryMs: options.retryMs,
      },
    );
    return new RegistrySource(reference, client);
  }

  private constructor(reference: RegistryReference, client: RegistryClient) {
    this.reference = reference;
    this.#client = client;
  }

  manifest(digest?: Digest): Promise<SourceManifest> {
    return this.#client.manifest(digest ?? this.reference.digest ?? this.reference.tag ?? "latest");
  }

  blob(descriptor: Descriptor): AsyncIterable<Uint8Array> {
    const { digest, size } = descriptor;
    return verifyStream(this.#bytes(descriptor), { digest, size, what: `blob ${digest}` });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** Embedded data, the registry, or the URLs that a non-distributable layer names. */
  async *#bytes(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const data = descriptorData(descriptor);
    if (data !== undefined) {
      yield data;
      return;
    }
    try {
      yield* this.#client.blob(descriptor.digest);
    } catch (error) {
      const [url] = descriptor.urls ?? [];
      if (url === undefined || !isFailure(error, "BLOB_UNKNOWN")) throw error;
      yield* this.#client.foreignBlob(url);
    }
  }
}

/** The key of auth.json: docker.io is written so there, whatever host serves it. */
function credentialKey({ registry, repository }: RegistryReference): { host: string; repository: string } {
  return { host: registry, repository };
}

function credentialOptions(
  { helpers }: RegistriesConf,
  { authFile }: SourceOptions,
): { authFile?: string | undefined; helpers?: readonly string[] | undefined } {
  return { authFile, helpers };
}
