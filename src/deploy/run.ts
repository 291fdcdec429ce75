/** run: a command in a container: beside its service where that runs, else once, in the same sandbox; or once in an image. */
import { Failure, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Container, findContainer, requireService } from "./containers.ts";
import { requireRunning } from "./control.ts";
import { execInContainer, isRunning } from "./exec.ts";
import type { InstallRequest } from "./request.ts";
import { runOnce } from "./run-once.ts";
import { withScratch } from "./scratch.ts";

/**
 * Beside a running service this process becomes the command and nothing returns; otherwise the exit status of the command.
 * What is not installed but an image, or the reference of one, runs once: `request` says how.
 * @throws Failure NOT_INSTALLED, COMMAND_NOT_FOUND, and what pull throws
 */
export async function run(
  host: Host,
  request: InstallRequest,
  { command, isPlain }: { command: readonly string[]; isPlain: boolean },
): Promise<number> {
  const { image: typed } = request;
  host.requireRoot("run a command in a container");
  requireRunning(host, "run");
  const container = await findOrReference(host, typed);
  if (container === undefined) {
    const { runImage } = await import("./run-image.ts");
    return runImage(host, request, command);
  }
  if (!isPlain) {
    throw new Failure("USAGE", `${typed} is installed: its options are those of its deployment`, {
      hint: `berth update ${typed} --set NAME=VALUE changes its values`,
    });
  }
  requireService(container);
  const systemd = await host.systemd();
  const state = await systemd.unit(container.unit);
  if (!isRunning(state)) {
    const { name, dir, info } = container;
    const once = command.length > 0 ? command : info.berth.command;
    return withScratch(host, name, (scratch) =>
      runOnce(host, { name, dir, runtime: info.runtime }, { command: once, scratch }),
    );
  }
  if (command.length === 0) {
    throw new Failure("USAGE", `which command? ${typed} is running already`, {
      hint: `berth run ${typed} COMMAND [ARGUMENT...]`,
    });
  }
  return execInContainer(host, container, { command, state });
}

/** Undefined for an image of the store, and for what names a registry, a tag or a transport. */
async function findOrReference(host: Host, typed: string): Promise<Container | undefined> {
  try {
    return await findContainer(host, typed);
  } catch (error) {
    if (!isFailure(error, "NOT_INSTALLED")) throw error;
    if (/[/:]/.test(typed) || (await (await host.store()).find(typed)) !== undefined) return undefined;
    throw error;
  }
}
