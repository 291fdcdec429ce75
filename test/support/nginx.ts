/** Debian's nginx as a child process on 127.0.0.1, unpacked and never installed: a directory served, and written to by PUT. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debianProgram } from "./lab/program.ts";
import { freePort, untilListening } from "./listening.ts";

export interface Nginx {
  /** http://127.0.0.1:PORT; what is written to lies below `/upload`. */
  origin: string;
  /** What it serves. */
  dir: string;
  close(): Promise<void>;
}

export async function startNginx(): Promise<Nginx> {
  const [program = "", ...before] = await debianProgram({
    suite: "bookworm",
    packageName: "nginx",
    path: "usr/sbin/nginx",
  });
  const place = await mkdtemp(join(tmpdir(), "berth-nginx-"));
  const dir = join(place, "served");
  await mkdir(join(dir, "upload"), { recursive: true });
  const port = await freePort();
  await writeFile(join(place, "nginx.conf"), configOf({ place, dir, port }));
  const args = [...before, "-p", place, "-c", join(place, "nginx.conf"), "-e", "stderr"];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  await untilListening(port, { child, what: "nginx" });
  return {
    origin: `http://127.0.0.1:${port}`,
    dir,
    async close() {
      await ended(child);
      await rm(place, { recursive: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill();
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

function configOf({ place, dir, port }: { place: string; dir: string; port: number }): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `  ${name}_temp_path ${place}/${name};`,
  );
  return [
    "daemon off;",
    "user root;",
    "worker_processes 1;",
    `pid ${place}/pid;`,
    "error_log stderr;",
    "events {}",
    "http {",
    "  access_log off;",
    ...temporary,
    "  server {",
    `    listen 127.0.0.1:${port};`,
    `    root ${dir};`,
    "    location /upload/ { dav_methods PUT; create_full_put_path on; }",
    "  }",
    "}",
    "",
  ].join("\n");
}
