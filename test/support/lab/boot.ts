/** Boots throw-away machines, and leaves nothing of them: no process, no mount, no file. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  access,
  appendFile,
  constants,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { cacheDir, labFile, projectDir } from "./cache.ts";
import type { Suite } from "./debian.ts";
import { imageLayouts } from "./images.ts";
import { imagesInside, Machine, type MachineState, projectInside } from "./machine.ts";
import { interruption } from "./tool.ts";
import { machineTree } from "./tree.ts";

/** This host cannot boot a machine; the message is the plain reason. */
export class CannotBoot extends Error {
  override readonly name = "CannotBoot";
}

export interface BootedMachine extends AsyncDisposable {
  readonly machine: Machine;
  stop(): Promise<void>;
}

/** What systemd-nspawn exits with when the machine asks for a reboot. */
const rebootStatus = 133;

const bootSeconds = 60;

export interface BootOptions {
  /** What it boots from, read only; default: the laboratory's own tree, with berth installed as `npm run install-host` does. */
  tree?: string;
  /** Of the laboratory's own trees: which Debian. */
  suite?: Suite;
}

/**
 * Makes the tree and the images unless they are cached, and boots.
 *
 * @throws CannotBoot with a plain reason where the host does not allow it.
 */
export async function bootMachine(options: BootOptions = {}): Promise<BootedMachine> {
  await checkHost();
  await removeAbandoned();
  const images = await imageLayouts();
  const tree = options.tree ?? join(await machineTree(options.suite), "root");
  const dir = await makeMachineDir(tree);
  const booted = new Keeper({ dir, tree, images });
  try {
    await booted.start();
    if (options.tree === undefined) await installBerth(booted.machine);
    return booted;
  } catch (error) {
    await booted.stop();
    throw error;
  }
}

async function checkHost(): Promise<void> {
  if (process.getuid?.() !== 0) throw new CannotBoot("only root can boot a machine");
  for (const command of ["systemd-nspawn", "mmdebstrap", "unshare", "setpriv", "nsenter", "umoci"]) {
    if (!(await onPath(command))) throw new CannotBoot(`${command} is not installed`);
  }
  const { failed, stderr } = await execa(
    "unshare",
    ["--mount", "--propagation=private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
    {
      reject: false,
    },
  );
  if (failed) throw new CannotBoot(`this host does not let root mount file systems (${stderr.trim()})`);
}

async function onPath(command: string): Promise<boolean> {
  for (const dir of (process.env["PATH"] ?? "").split(":")) {
    const found = await access(join(dir, command), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

/** Removes what machines left whose process was killed without a chance to do it. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(join(cacheDir, "machines")).catch(() => [])) {
    const pid = Number(name.split("-")[0]);
    const alive = await access(`/proc/${pid}`).then(
      () => true,
      () => false,
    );
    if (!alive) await rm(join(cacheDir, "machines", name), { recursive: true, force: true });
  }
}

async function makeMachineDir(tree: string): Promise<string> {
  const id = randomBytes(16).toString("hex");
  const dir = join(cacheDir, "machines", `${process.pid}-${id.slice(0, 6)}`);
  for (const name of ["root", "upper/etc", "work"]) await mkdir(join(dir, name), { recursive: true });
  await writeFile(join(dir, "upper/etc/machine-id"), `${id}\n`);
  await execa("cp", ["-a", join(tree, "var"), join(dir, "var")]);
  return dir;
}

interface Place {
  dir: string;
  tree: string;
  images: string;
}

/** Keeps one machine up: starts it again when it reboots, until it is stopped. */
class Keeper implements BootedMachine {
  readonly machine: Machine;
  readonly #place: Place;
  #nspawn: ChildProcess | undefined;
  #boot = 0;
  #stopping = false;

  constructor(place: Place) {
    this.#place = place;
    this.machine = new Machine(place.dir);
    interruption.signal.addEventListener("abort", () => this.#kill());
  }

  async start(): Promise<void> {
    const nspawn = await this.#spawn();
    this.#nspawn = nspawn;
    nspawn.once("exit", (status) => {
      if (status === rebootStatus && !this.#stopping) this.start().catch((error) => this.#log(error));
    });
    await this.#waitUntilUp(nspawn);
  }

  /** Also when what it is for was interrupted already. */
  async stop(): Promise<void> {
    const nspawn = this.#nspawn;
    if (nspawn !== undefined && isRunning(nspawn)) {
      const ended = once(nspawn, "exit");
      this.#kill();
      const forced = setTimeout(() => nspawn.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(forced);
    }
    await rm(this.#place.dir, { recursive: true, force: true });
  }

  /** To systemd-nspawn, SIGTERM means an orderly shutdown. */
  #kill(): void {
    this.#stopping = true;
    this.#nspawn?.kill("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** In a session of its own: Ctrl-C is for this process, which then stops the machine. It ends with this process all the same. */
  async #spawn(): Promise<ChildProcess> {
    const { dir, tree, images } = this.#place;
    const console = await open(join(dir, "console"), "a");
    const nspawn = spawn(
      "setpriv",
      [
        ...[
          "--pdeathsig=SIGTERM",
          "unshare",
          "--mount",
          "--propagation=private",
          "sh",
          labFile("boot.sh"),
          dir,
          tree,
        ],
        ...[`--machine=berth-${dir.split("-").at(-1)}`, `--bind-ro=${projectDir}:${projectInside}:norbind`],
        `--bind-ro=${images}:${imagesInside}`,
      ],
      { stdio: ["ignore", console.fd, console.fd], detached: true },
    );
    await once(nspawn, "spawn");
    await console.close();
    return nspawn;
  }

  async #waitUntilUp(nspawn: ChildProcess): Promise<void> {
    for (const deadline = Date.now() + bootSeconds * 1000; Date.now() < deadline; await sleep(20)) {
      if (!isRunning(nspawn)) throw new CannotBoot(await this.#whyNot());
      const init = await initOf(nspawn.pid);
      if (init === undefined) continue;
      await this.#record({ init, boot: this.#boot });
      const { stdout } = await this.machine.run(["systemctl", "is-system-running", "--wait"]);
      if (stdout !== "running" && stdout !== "degraded") continue;
      this.#boot += 1;
      await this.#record({ init, boot: this.#boot });
      return;
    }
    throw new CannotBoot(`the machine was not up within ${bootSeconds} s. ${await this.#whyNot()}`);
  }

  async #whyNot(): Promise<string> {
    const console = await readFile(join(this.#place.dir, "console"), "utf8").catch(() => "");
    return `systemd-nspawn: ${console.trim().split("\n").slice(-3).join("; ") || "it said nothing"}`;
  }

  async #log(error: unknown): Promise<void> {
    await appendFile(join(this.#place.dir, "console"), `${error}\n`);
  }

  async #record(state: MachineState): Promise<void> {
    const file = join(this.#place.dir, "state.json");
    await writeFile(`${file}.new`, JSON.stringify(state));
    await rename(`${file}.new`, file);
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** The machine's init: the child of nspawn that has become systemd. */
async function initOf(nspawn: number | undefined): Promise<number | undefined> {
  const children = await readFile(`/proc/${nspawn}/task/${nspawn}/children`, "utf8").catch(() => "");
  for (const pid of children.trim().split(" ").filter(Boolean)) {
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    if (name.trim() === "systemd") return Number(pid);
  }
  return undefined;
}

/** Puts berth on the machine as a sysadmin would. */
async function installBerth(machine: Machine): Promise<void> {
  const { exitCode, stderr } = await machine.node("scripts/install-host.mjs");
  if (exitCode !== 0) throw new Error(`scripts/install-host.mjs failed in the machine: ${stderr}`);
}
