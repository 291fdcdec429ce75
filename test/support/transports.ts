/**
 * One place of every kind for images, made of real parts: Debian's docker-registry, podman's Engine API on a socket of its own, the storage that podman and
 * skopeo share, and directories. Nothing of it touches what this machine has.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { Transport } from "../../src/oci/reference.ts";
import { type RealRegistry, startRealRegistry } from "./real-registry.ts";

export class Places {
  readonly dir: string;
  /** As DOCKER_HOST says it. */
  readonly daemonHost: string;
  readonly #registry: RealRegistry;
  readonly #engine: ReturnType<typeof startEngine>;

  static async start(): Promise<Places> {
    const dir = await mkdtemp(join(tmpdir(), "berth-places-"));
    const registry = await startRealRegistry("plain");
    const places = new Places(dir, registry);
    await until(async () => existsSync(join(dir, "engine.sock")));
    return places;
  }

  private constructor(dir: string, registry: RealRegistry) {
    this.dir = dir;
    this.#registry = registry;
    this.daemonHost = `unix://${join(dir, "engine.sock")}`;
    this.#engine = startEngine(dir, this.daemonHost);
  }

  async stop(): Promise<void> {
    this.#engine.kill();
    await this.#engine;
    await this.#registry.close();
    await rm(this.dir, { recursive: true, force: true });
  }

  /** A reference of this transport for an image called `name`; skopeo and berth read the same. */
  reference(transport: Transport, name: string): string {
    switch (transport) {
      case "docker":
        return `docker://${this.#registry.host}/${name}:1`;
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
}

/** podman's service, with a storage of its own below `dir`. */
function startEngine(dir: string, address: string) {
  const roots = [`--root=${dir}/storage`, `--runroot=${dir}/run`, `--tmpdir=${dir}/tmp`];
  const options = [...roots, "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--log-level=error"];
  return execa("podman", [...options, "system", "service", "--time=0", address], {
    reject: false,
    stdio: "ignore",
  });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) {
    if (await isSo()) return;
  }
  throw new Error("a server did not start within 20 seconds");
}
