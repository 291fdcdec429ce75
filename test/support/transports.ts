/**
 * One place of every kind for images, made of real parts: Debian's docker-registry, podman's Engine API on a socket of its own, the storage that podman and
 * skopeo share, and directories. Nothing of it touches what this machine has.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { Transport } from "../../src/oci/reference.ts";

export class Places {
  readonly dir: string;
  readonly registry: string;
  readonly daemonHost: string;
  readonly #children: ReturnType<typeof startServer>[];

  static async start(): Promise<Places> {
    const dir = await mkdtemp(join(tmpdir(), "berth-places-"));
    const registry = `127.0.0.1:${await freePort()}`;
    const places = new Places(dir, registry);
    await places.#startRegistry();
    await places.#startEngine();
    return places;
  }

  private constructor(dir: string, registry: string) {
    this.dir = dir;
    this.registry = registry;
    this.daemonHost = `unix://${join(dir, "engine.sock")}`;
    this.#children = [];
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill();
    await Promise.all(this.#children);
    await rm(this.dir, { recursive: true, force: true });
  }

  /** A reference of this transport for an image called `name`; skopeo and berth read the same. */
  reference(transport: Transport, name: string): string {
    switch (transport) {
      case "docker":
        return `docker://${this.registry}/${name}:1`;
      case "oci":
        return `oci:${this.dir}/layouts/${name}:one`;
      case "oci-archive":
        return `oci-archive:${this.dir}/${name}.oci.tar:one`;
      case "docker-archive":
        return `docker-archive:${this.dir}/${name}.docker.tar:localhost/${name}:1`;
      case "dir":
        return `dir:${this.dir}/dirs/${name}`;
      case "docker-daemon":
        return `docker-daemon:localhost/${name}:1`;
      case "containers-storage":
        return `containers-storage:[vfs@${this.dir}/storage+${this.dir}/run]localhost/${name}:1`;
    }
  }

  /** What skopeo, the judge, says of an image: the digest of its manifest, and its config. */
  async inspect(reference: string): Promise<{ digest: string; config: unknown }> {
    const options = reference.startsWith("docker://") ? ["--tls-verify=false"] : [];
    if (reference.startsWith("docker-daemon:")) options.push(`--daemon-host=${this.daemonHost}`);
    const digest = await execa("skopeo", ["inspect", ...options, "--format={{.Digest}}", reference]);
    const config = await execa("skopeo", ["inspect", ...options, "--config", "--raw", reference]);
    return { digest: digest.stdout, config: JSON.parse(config.stdout) as unknown };
  }

  async skopeoCopy(from: string, to: string): Promise<void> {
    await mkdir(join(this.dir, "layouts"), { recursive: true });
    await mkdir(join(this.dir, "dirs"), { recursive: true });
    const options = ["--quiet", "--src-tls-verify=false", "--dest-tls-verify=false"];
    const daemon = [`--src-daemon-host=${this.daemonHost}`, `--dest-daemon-host=${this.daemonHost}`];
    await execa("skopeo", ["copy", ...options, ...daemon, from, to]);
  }

  async #startRegistry(): Promise<void> {
    const config = join(this.dir, "registry.yml");
    const text = [
      "version: 0.1",
      "log: { level: error, accesslog: { disabled: true } }",
      `storage: { filesystem: { rootdirectory: ${this.dir}/registry }, delete: { enabled: true } }`,
      `http: { addr: "${this.registry}" }`,
    ];
    await writeFile(config, `${text.join("\n")}\n`);
    this.#start("docker-registry", ["serve", config]);
    await until(async () => {
      const answer = await fetch(`http://${this.registry}/v2/`).catch(() => undefined);
      return answer?.ok === true;
    });
  }

  async #startEngine(): Promise<void> {
    const roots = [`--root=${this.dir}/storage`, `--runroot=${this.dir}/run`, `--tmpdir=${this.dir}/tmp`];
    const options = [...roots, "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--log-level=error"];
    this.#start("podman", [...options, "system", "service", "--time=0", this.daemonHost]);
    await until(async () => existsSync(join(this.dir, "engine.sock")));
  }

  #start(program: string, args: string[]): void {
    this.#children.push(startServer(program, args));
  }
}

function startServer(program: string, args: string[]) {
  return execa(program, args, { reject: false, stdio: "ignore" });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) {
    if (await isSo()) return;
  }
  throw new Error("a server did not start within 20 seconds");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
