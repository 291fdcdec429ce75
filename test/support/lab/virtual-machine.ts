/** A booted virtual machine, by the directory that stands for it: a Machine with a kernel and a disk of its own, whose power can be cut. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runByAgent } from "./guest-agent.ts";
import { commandLine, Machine, type RunOptions, type RunResult } from "./machine.ts";

/** In the machine: what is written here is in `said` of the machine's directory at once, whatever becomes of the disk. */
export const saidInside = "/dev/virtio-ports/berth.said";

export class VirtualMachine extends Machine {
  override async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { input = "", timeout = 60_000 } = options;
    const path = join(this.dir, "agent");
    return runByAgent(path, commandLine(argv, options), { input, timeout: timeout + 30_000 });
  }

  override async reboot(): Promise<void> {
    const { boot } = await this.state();
    // In a while: the answer to this very command must come out before.
    await this.output(["systemd-run", "--quiet", "--on-active=1", "systemctl", "reboot"]);
    await this.untilBooted(boot + 1, 600);
  }

  /** Ends the machine between two instructions, and waits until it has booted again. Gives the bytes that the disk had taken and lost. */
  async cutPower(): Promise<number> {
    const { boot, init } = await this.state();
    process.kill(init, "SIGKILL");
    await this.untilBooted(boot + 1, 600);
    return Number(await readFile(join(this.dir, "lost"), "utf8"));
  }

  /** The lines that were written to `saidInside`, in all boots. */
  async said(): Promise<string[]> {
    return (await readFile(join(this.dir, "said"), "utf8")).split("\n").slice(0, -1);
  }
}
