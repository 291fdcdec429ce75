/** What Project Atomic's `install --system` leaves on a host: its checkouts, and the files that it put beside them. */
import { createHash } from "node:crypto";
import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const CHECKOUTS = "/var/lib/containers/atomic";

export interface AtomicFixture {
  name: string;
  /** Keys of `info`; undefined takes one away. */
  info?: Record<string, unknown>;
  /** Of its config.json. */
  args?: string[];
  current?: 0 | 1;
  numbers?: (0 | 1)[];
  /** Makes the root file system of a deployment. */
  rootfs?(dir: string, number: number): void;
}

/** Writes it below `root`, enabled. */
export function writeAtomic(root: string, fixture: AtomicFixture): void {
  const {
    name,
    info = {},
    args = ["/usr/bin/run.sh"],
    current = 0,
    numbers = [0],
    rootfs = helloRootfs,
  } = fixture;
  const checkouts = join(root, CHECKOUTS);
  for (const number of numbers) {
    const dir = join(checkouts, `${name}.${number}`);
    const seen = `${CHECKOUTS}/${name}.${number}`;
    mkdirSync(join(dir, "rootfs"), { recursive: true });
    rootfs(join(dir, "rootfs"), number);
    write(join(dir, "config.json"), JSON.stringify(configOf(name, { args, number })));
    write(join(dir, `${name}.service`), unitOf(name, seen));
    write(join(dir, `tmpfiles-${name}.conf`), `D /run/${name} 0700 - - - -\n`);
    const values = {
      ...{ DESTDIR: seen, NAME: name, EXEC_START: `/usr/bin/runc run '${name}'`, HOST_UID: 0, HOST_GID: 0 },
      ...{
        RUN_DIRECTORY: "/run",
        STATE_DIRECTORY: "/var/lib",
        CONF_DIRECTORY: "/etc",
        RUNTIME: "/usr/bin/runc",
      },
      ...{
        PIDFILE: `/run/container-${name}.pid`,
        UUID: "0e2ba1b4-8a05-4e77-9f5c-d0b0a1f5e6c7",
        PORT: "8081",
      },
      ...{ RECEIVER: number === 0 ? "World" : "Pluto" },
    };
    const whole: Record<string, unknown> = {
      ...{
        image: "docker.io/library/hello:latest",
        revision: "ab".repeat(32),
        "ostree-commit": "cd".repeat(32),
      },
      ...{
        created: 1_500_000_000 + number,
        values,
        "has-container-service": true,
        "installed-files": Object.keys(checksumsOf(number)),
      },
      ...{
        "installed-files-checksum": checksumsOf(number),
        "installed-files-template": [],
      },
      ...{ "rename-installed-files": {}, "rpm-installed": null, "system-package": "no", remote: null },
      ...{ "use-links": true, runtime: "/usr/bin/runc", ...info },
    };
    write(join(dir, "info"), JSON.stringify(whole, undefined, 4));
  }
  symlinkSync(`${CHECKOUTS}/${name}.${current}`, join(checkouts, name));
  const unit = `/etc/systemd/system/${name}.service`;
  write(join(root, unit), unitOf(name, `${CHECKOUTS}/${name}.${current}`));
  write(join(root, `/etc/tmpfiles.d/${name}.conf`), `D /run/${name} 0700 - - - -\n`);
  putHostFiles(root, current);
  const wants = join(root, "/etc/systemd/system/multi-user.target.wants");
  mkdirSync(wants, { recursive: true });
  symlinkSync(unit, join(wants, `${name}.service`));
}

/** What is on the host; /etc/hi.conf is edited there. */
function putHostFiles(root: string, number: number): void {
  write(join(root, "usr/local/bin/hi"), `hi ${number}\n`);
  rmSync(join(root, "usr/local/bin/hello"), { force: true });
  symlinkSync("hi", join(root, "usr/local/bin/hello"));
  mkdirSync(join(root, "usr/local/hi-placeholder"), { recursive: true });
  write(join(root, "etc/hi.conf"), "edited\n");
}

/** Of a directory it is 0, of a link that of what it leads to. */
function checksumsOf(number: number): Record<string, string> {
  const hi = sha256(`hi ${number}\n`);
  return {
    ...{ "/usr/local/bin/hi": hi, "/usr/local/bin/hello": hi, "/usr/local/hi-placeholder": "0" },
    "/etc/hi.conf": sha256("plain\n"),
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function helloRootfs(dir: string, number: number): void {
  write(join(dir, "usr/bin/run.sh"), `echo ${number}\n`);
  chmodSync(join(dir, "usr/bin/run.sh"), 0o755);
  write(join(dir, "usr/share/same"), "the same in both\n");
  linkSync(join(dir, "usr/share/same"), join(dir, "usr/share/twin"));
  chownSync(join(dir, "usr/share/same"), 7, 8);
  symlinkSync("same", join(dir, "usr/share/link"));
  write(join(dir, "exports/hostfs/usr/local/bin/hi"), `hi ${number}\n`);
  write(join(dir, "exports/hostfs/etc/hi.conf"), "plain\n");
  write(join(dir, "exports/manifest.json"), '{"defaultValues":{"PORT":"8081","RECEIVER":"World"}}');
  for (const each of ["proc", "sys", "dev", "run", "tmp"]) mkdirSync(join(dir, each));
}

function configOf(name: string, { args, number }: { args: string[]; number: number }): object {
  return {
    ociVersion: "1.0.0",
    process: {
      ...{ terminal: false, user: { uid: 0, gid: 0 }, args, cwd: "/", noNewPrivileges: true },
      env: ["PATH=/usr/bin:/bin", `DIR=${CHECKOUTS}/${name}.${number}`],
    },
    root: { path: "rootfs", readonly: true },
    mounts: [
      { type: "proc", source: "proc", destination: "/proc" },
      { type: "tmpfs", source: "tmpfs", destination: "/dev", options: ["nosuid", "mode=755"] },
      { type: "bind", source: `/run/${name}`, destination: "/run", options: ["rbind", "rw", "mode=755"] },
    ],
    linux: { namespaces: [{ type: "pid" }, { type: "ipc" }, { type: "mount" }] },
  };
}

function unitOf(name: string, dir: string): string {
  return `[Unit]
Description=${name}

[Service]
ExecStart=/usr/bin/runc run '${name}'
ExecStop=/usr/bin/runc kill '${name}'
Restart=on-crash
WorkingDirectory=${dir}
PIDFile=/run/container-${name}.pid

[Install]
WantedBy=multi-user.target
`;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
