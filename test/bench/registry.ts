/** A real registry on this machine: Debian's docker-registry, unpacked and not installed, on a free port of the loopback. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cached } from "../support/lab/cache.ts";
import { downloadPackages, unpackPackages } from "../support/lab/debian.ts";
import { freePort } from "../support/listening.ts";

export interface BenchRegistry {
  /** HOST:PORT, plain HTTP. */
  address: string;
  /** Bytes of all answers since the last call. */
  sent(): Promise<number>;
  stop(): Promise<void>;
}

export async function startRegistry(storage: string): Promise<BenchRegistry> {
  const program = await registryProgram();
  const dir = await mkdtemp(join(tmpdir(), "berth-bench-registry-"));
  const address = `127.0.0.1:${await freePort()}`;
  const config = join(dir, "config.json");
  await writeFile(config, JSON.stringify(configuration({ address, storage })));
  const logFile = join(dir, "log");
  const log = await open(logFile, "a");
  const child = spawn(program, ["serve", config], { stdio: ["ignore", log.fd, log.fd] });
  await log.close();
  const ended = once(child, "exit");
  let read = 0;
  const registry: BenchRegistry = {
    address,
    async sent() {
      const lines = (await readFile(logFile, "utf8")).split("\n").slice(0, -1);
      const answered = lines.slice(read).map(bytesWritten);
      read = lines.length;
      return answered.reduce((sum, bytes) => sum + bytes, 0);
    },
    async stop() {
      child.kill();
      await ended;
      await rm(dir, { recursive: true });
    },
  };
  for (let tries = 0; tries < 200; tries++) {
    if (
      await fetch(`http://${address}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return registry;
    await sleep(50);
  }
  const said = await readFile(logFile, "utf8");
  await registry.stop();
  throw new Error(`the registry does not answer: ${said}`);
}

/** Of a line of the log: the size of the answer that it tells of, 0 when it tells of none. */
function bytesWritten(line: string): number {
  if (!line.includes('"http.response.written"')) return 0;
  return (JSON.parse(line) as { "http.response.written": number })["http.response.written"];
}

function configuration({ address, storage }: { address: string; storage: string }): object {
  return {
    version: 0.1,
    log: { level: "info", formatter: "json", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage } },
    http: { addr: address },
  };
}

async function registryProgram(): Promise<string> {
  const debs = await downloadPackages("tree", ["docker-registry"]);
  const dir = await cached({
    kind: "bench-program",
    from: { debs },
    make: (into) => unpackPackages(into, { debs, names: ["docker-registry"] }),
  });
  return join(dir, "usr/bin/docker-registry");
}
