/** A tree whose policy, registries.d and keys a test changes as it goes, for one registry. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Berth } from "./berth.ts";
import { type TestImage, writeLayout } from "./images.ts";
import { ACCEPT, REJECT } from "./trust-bench.ts";

export class SigningTree {
  readonly root: string;
  readonly berth: Berth;
  readonly #host: string;

  /** Accepts everything; signatures lie in `signatures` of the tree. */
  static async open(host: string): Promise<SigningTree> {
    const root = await mkdtemp(join(tmpdir(), "berth-sign-"));
    await mkdir(join(root, "etc/containers/registries.d"), { recursive: true });
    const tree = new SigningTree({ root, berth: await Berth.open({ root }), host });
    await tree.insecure(host);
    await tree.places({ lookaside: `file://${root}/signatures` });
    await tree.policy([ACCEPT]);
    return tree;
  }

  private constructor({ root, berth, host }: { root: string; berth: Berth; host: string }) {
    this.root = root;
    this.berth = berth;
    this.#host = host;
  }

  async close(): Promise<void> {
    await this.berth.close();
    await rm(this.root, { recursive: true });
  }

  /** Lets this registry speak plain http, and no other. */
  async insecure(host: string): Promise<void> {
    await this.#write("registries.conf", `[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
  }

  /** What registries.d says of the registry. */
  async places(scope: object): Promise<void> {
    await this.#write("registries.d/test.yaml", JSON.stringify({ docker: { [this.#host]: scope } }));
  }

  /** What one scope of a transport requires; images of `oci:` are accepted, all others are not. */
  async policy(requirements: object[], transport = "docker"): Promise<void> {
    const transports = { [transport]: { "": requirements }, oci: { "": [ACCEPT] } };
    await this.#write("policy.json", JSON.stringify({ default: [REJECT], transports }));
  }

  /** Puts an image into the registry, without a signature. */
  async publish(image: TestImage, name: string): Promise<void> {
    await writeLayout(join(this.root, "layout"), { one: image });
    await this.berth.json("copy", `oci:${this.root}/layout:one`, name);
  }

  async pulls(name: string): Promise<boolean> {
    return (await this.berth.run("pull", name)).status === 0;
  }

  async #write(name: string, text: string): Promise<void> {
    await writeFile(join(this.root, "etc/containers", name), text);
  }
}
