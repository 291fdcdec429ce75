/** run: a command in a container: beside its service where that runs, else once, in the same sandbox. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import { findContainer, requireService } from "./containers.ts";
import { requireRunning } from "./control.ts";
import { execInContainer, isRunning } from "./exec.ts";
import { runOnce } from "./run-once.ts";

/**
 * Beside a running service this process becomes the command and nothing returns; otherwise the exit status of the command.
 * @throws Failure NOT_INSTALLED, COMMAND_NOT_FOUND
 */
export async function run(host: Host, name: string, command: readonly string[]): Promise<number> {
  host.requireRoot("run a command in a container");
  requireRunning(host, "run");
  const container = await findContainer(host, name);
  requireService(container);
  const systemd = await host.systemd();
  const state = await systemd.unit(container.unit);
  if (!isRunning(state)) {
    const once = command.length > 0 ? command : container.info.berth.command;
    return runOnce(container, once);
  }
  if (command.length === 0) {
    throw new Failure("USAGE", `which command? ${name} is running already`, {
      hint: `berth run ${name} COMMAND [ARGUMENT...]`,
    });
  }
  return execInContainer(host, container, { command, state });
}
