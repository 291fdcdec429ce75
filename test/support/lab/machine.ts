/**
 * A booted machine, by the directory that stands for it. The process that booted it (keeper.ts) keeps `state.json` there, so
 * any process, such as a vitest worker, can attach to it, run commands inside and reboot it.
 */
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";

export interface MachineState {
  /** Process id, as the host sees it, of the machine's init, or of the program that a virtual machine runs in. */
  init: number;
  /** 1 for the first boot; a reboot adds one. */
  boot: number;
}

export interface RunOptions {
  env?: Record<string, string>;
  input?: string;
  /** Milliseconds until the command is ended: status 124. Default a minute. */
  timeout?: number;
  cwd?: string;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** In the machine: where the project lies, read-only. */
export const projectInside = "/opt/berth";
/** In the machine: where the image layouts lie, read-only: `oci:/opt/images/NAME`. */
export const imagesInside = "/opt/images";

export class Machine {
  /** On the host: what the machine changed of its root file system, and its /var. */
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Runs a command inside; its status is in the result. Without a shell, in a clean environment. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { init } = await this.state();
    // Its root too: where nspawn itself runs in a chroot, the root of the mount namespace is another.
    const inside = [`--target=${init}`, "--all", "--root"];
    const result = await execa("nsenter", [...inside, "--", ...commandLine(argv, options)], {
      input: options.input ?? "",
      reject: false,
      forceKillAfterDelay: 1000,
      timeout: (options.timeout ?? 60_000) + 5000,
    });
    // As a shell counts: one that a signal ended has 128 and the signal's number.
    const exitCode = result.exitCode ?? 128 + (result.signal ? constants.signals[result.signal] : 0);
    return { stdout: result.stdout, stderr: result.stderr, exitCode };
  }

  /** Runs a command inside and gives its standard output; anything but status 0 is an error that shows what it said. */
  async output(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    const { stdout, stderr, exitCode } = await this.run(argv, options);
    if (exitCode === 0) return stdout;
    throw new Error(`${argv.join(" ")}: status ${exitCode}\n${stderr}\n${stdout}`.trimEnd());
  }

  /** Runs a JavaScript or TypeScript file of the project (path relative to it) inside, with berth's Node. */
  async node(file: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
    return this.run([`${projectInside}/node_modules/.bin/node`, join(projectInside, file), ...args], options);
  }

  /** Reboots userspace and waits until the machine is up again. Its disk stays. */
  async reboot(): Promise<void> {
    const { boot } = await this.state();
    await this.run(["systemctl", "reboot"]);
    await this.untilBooted(boot + 1, 150);
  }

  /** Waits for its n-th boot. */
  protected async untilBooted(boot: number, seconds: number): Promise<void> {
    for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; await sleep(50)) {
      if ((await this.state()).boot >= boot) return;
    }
    const console = await readFile(join(this.dir, "console"), "utf8").catch(() => "");
    throw new Error(`the machine did not come up again; the end of its console:\n${console.slice(-2000)}`);
  }

  protected async state(): Promise<MachineState> {
    return JSON.parse(await readFile(join(this.dir, "state.json"), "utf8")) as MachineState;
  }
}

/** The command inside: in a clean environment, ended when its time is over. */
export function commandLine(
  argv: readonly string[],
  { env = {}, cwd = "/root", timeout = 60_000 }: RunOptions,
): string[] {
  const variables = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
    HOME: "/root",
    LANG: "C.UTF-8",
    ...env,
  };
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const limited = ["timeout", "--kill-after=2", `${timeout / 1000}`, ...argv];
  return ["/usr/bin/env", "-i", "-C", cwd, ...assignments, ...limited];
}
