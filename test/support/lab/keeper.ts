/** Keeps a machine up, of whichever kind, and leaves nothing of it: no process, no mount, no file. */

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
import { cacheDir } from "./cache.ts";
import type { Machine, MachineState } from "./machine.ts";
import { interruption } from "./tool.ts";

/** This host cannot boot a machine; the message is the plain reason. */
export class CannotBoot extends Error {
  override readonly name = "CannotBoot";
}

export interface BootedMachine extends AsyncDisposable {
  readonly machine: Machine;
  stop(): Promise<void>;
}

/** A kind of machine. */
export interface Hull {
  readonly machine: Machine;
  /** The program that it runs in. */
  readonly program: string;
  /** How long it may take until it is up. */
  readonly bootSeconds: number;
  /** The command line that boots it once. SIGTERM ends it in an orderly way. */
  command(): Promise<readonly string[]>;
  /** The process to attach to, once commands can be run inside. */
  findInit(process: ChildProcess): Promise<number | undefined>;
  /** Whether an end of this kind is a reboot. */
  isReboot(status: number | null, signal: NodeJS.Signals | null): boolean;
  /** Removes what is left outside of the machine's directory, once it has ended. */
  cleanUp?(): Promise<void>;
}

/** @throws CannotBoot unless root runs this and has these programs. */
export async function requirePrograms(programs: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) throw new CannotBoot("only root can boot a machine");
  for (const program of programs) {
    if (!(await onPath(program))) throw new CannotBoot(`${program} is not installed`);
  }
}

/** A directory for a new machine, which has a machine-id of its own. Removes what machines left whose process was killed without a chance to do it. */
export async function newMachineDir(): Promise<{ dir: string; machineId: string }> {
  await removeAbandoned();
  const machineId = randomBytes(16).toString("hex");
  const dir = join(cacheDir, "machines", `${process.pid}-${machineId.slice(0, 6)}`);
  await mkdir(dir, { recursive: true });
  return { dir, machineId };
}

/** Starts the machine again when it reboots, until it is stopped. */
export class Keeper implements BootedMachine {
  readonly machine: Machine;
  readonly #hull: Hull;
  #process: ChildProcess | undefined;
  #boot = 0;
  #stopping = false;

  constructor(hull: Hull) {
    this.#hull = hull;
    this.machine = hull.machine;
    interruption.signal.addEventListener("abort", () => this.#end());
  }

  async start(): Promise<void> {
    const child = await this.#spawn();
    this.#process = child;
    if (this.#stopping) this.#end();
    await this.#waitUntilUp(child);
    const startAgain = (): void => {
      const { exitCode, signalCode } = child;
      if (this.#stopping || !this.#hull.isReboot(exitCode, signalCode)) return;
      this.start().catch((error) => this.#log(error));
    };
    if (isRunning(child)) child.once("exit", startAgain);
    else startAgain();
  }

  /** Also when what it is for was interrupted already. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#process;
    if (child !== undefined && isRunning(child)) {
      const ended = once(child, "exit");
      this.#end();
      const forced = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(forced);
    }
    await this.#hull.cleanUp?.();
    await rm(this.machine.dir, { recursive: true, force: true });
  }

  #end(): void {
    this.#stopping = true;
    this.#process?.kill("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** In a session of its own: Ctrl-C is for this process, which then stops the machine. It ends with this process all the same. */
  async #spawn(): Promise<ChildProcess> {
    const command = await this.#hull.command();
    const console = await open(join(this.machine.dir, "console"), "a");
    const child = spawn("setpriv", ["--pdeathsig=SIGTERM", ...command], {
      stdio: ["ignore", console.fd, console.fd],
      detached: true,
    });
    await once(child, "spawn");
    await console.close();
    return child;
  }

  async #waitUntilUp(child: ChildProcess): Promise<void> {
    const { bootSeconds } = this.#hull;
    for (const deadline = Date.now() + bootSeconds * 1000; Date.now() < deadline; await sleep(20)) {
      if (!isRunning(child)) throw new CannotBoot(await this.#whyNot());
      const init = await this.#hull.findInit(child);
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
    const console = await readFile(join(this.machine.dir, "console"), "utf8").catch(() => "");
    const end = console.trim().split("\n").slice(-3).join("; ");
    return `${this.#hull.program}: ${end || "it said nothing"}`;
  }

  async #log(error: unknown): Promise<void> {
    await appendFile(join(this.machine.dir, "console"), `${error}\n`);
  }

  async #record(state: MachineState): Promise<void> {
    const file = join(this.machine.dir, "state.json");
    await writeFile(`${file}.new`, JSON.stringify(state));
    await rename(`${file}.new`, file);
  }
}

async function onPath(program: string): Promise<boolean> {
  for (const dir of (process.env["PATH"] ?? "").split(":")) {
    const found = await access(join(dir, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

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

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
