/**
 * What the tests of the registry client share: a registry that holds one image, and ways to read it. The environment has no
 * credentials of its own.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import type { SourceManifest, SourceOptions } from "../../src/transport/source.ts";
import { makeImage, type TestImage } from "./images.ts";
import { type RegistryOptions, startRegistry, type TestRegistry } from "./registry.ts";
import { readBlob, withSource } from "./sources.ts";
import { temporaryDirectory } from "./temporary.ts";

export const INSECURE: SourceOptions = { tlsVerify: false };

/** Variables that keep the user's own credentials and proxies out, to be stubbed. */
export const CLEAN_ENVIRONMENT: Record<string, string> = {
  HOME: "/nonexistent",
  XDG_RUNTIME_DIR: "/nonexistent",
  XDG_CONFIG_HOME: "",
  DOCKER_CONFIG: "",
  REGISTRY_AUTH_FILE: "",
};

export class OneImage {
  readonly registry: TestRegistry;
  readonly image: TestImage;
  readonly name: string;
  readonly layer: Descriptor;

  /** One layer of 300 kB, uncompressed, under team/app:1.0. */
  static async start(options: RegistryOptions = {}): Promise<OneImage> {
    const files = { "big.bin": Buffer.alloc(300_000, 7) };
    return new OneImage(await startRegistry(options), await makeImage({ compression: "none", files }));
  }

  private constructor(registry: TestRegistry, image: TestImage) {
    this.registry = registry;
    this.image = image;
    this.name = registry.push("team/app", image, "1.0");
    const { layers } = JSON.parse(image.manifest.toString()) as { layers: [Descriptor] };
    this.layer = layers[0];
  }

  /** The path of an auth file with these credentials for the registry. */
  async login(user = "user", password = "secret"): Promise<string> {
    const auth = Buffer.from(`${user}:${password}`).toString("base64");
    return await this.authFile({ auths: { [this.registry.host]: { auth } } });
  }

  async authFile(content: object): Promise<string> {
    const path = join(await temporaryDirectory("auth"), "auth.json");
    await writeFile(path, JSON.stringify(content));
    return path;
  }

  manifest(options: SourceOptions & { typed?: string } = {}): Promise<SourceManifest> {
    const { typed = this.name, ...rest } = options;
    return withSource(typed, (source) => source.manifest(), { ...INSECURE, ...rest });
  }

  blob(descriptor: Descriptor = this.layer, options: SourceOptions = {}): Promise<Buffer> {
    return withSource(this.name, (source) => readBlob(source, descriptor), { ...INSECURE, ...options });
  }
}
