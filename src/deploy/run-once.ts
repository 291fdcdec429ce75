/** A command in a container that does not run: a unit of its own that lasts as long as the command, with the same sandbox. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { RuntimeConfig } from "../oci/runtime-config.ts";
import { chrootCommand } from "../runtime/chroot-service.ts";
import { ociCommand, ociNeeds } from "../runtime/oci-service.ts";
import { type OciRuntime, parseRuntime, runDirectory } from "../runtime/runtime.ts";
import { findInRoot } from "../sys/find-in-root.ts";
import { quoteExec } from "../unit/quote.ts";
import { getAllValues, parseUnit } from "../unit/unit-file.ts";
import { configOf, isTerminal, pathOf } from "./exec.ts";
import type { Scratch } from "./scratch.ts";

/** Of a command that is asked to end, before it is killed. */
const STOP_SECONDS = 10;

/** What makes a service of the sandbox: its own commands, its restarts, its readiness, its log. */
const SERVICE_ONLY =
  /^(Type$|Exec|Restart|Kill|NotifyAccess$|Watchdog|Timeout|SuccessExitStatus$|SyslogIdentifier$|RuntimeDirectory$)/;

/** What a command is to run in, as a deployment has it: rootfs, config.json, 10-berth.conf. */
export interface Sandbox {
  name: string;
  dir: string;
  /** As info has it. */
  runtime: string;
}

interface OneOff {
  host: Host;
  scratch: Scratch;
  /** `KEY=VALUE` */
  properties: string[];
}

/** The exit status of the command. @throws Failure COMMAND_NOT_FOUND, INTERRUPTED */
export async function runOnce(
  host: Host,
  sandbox: Sandbox,
  { command, scratch }: { command: readonly string[]; scratch: Scratch },
): Promise<number> {
  const { id } = scratch;
  const runtime = parseRuntime(sandbox.runtime);
  const config = await configOf(sandbox);
  const properties = await propertiesOf(sandbox, id);
  if (runtime.kind === "oci")
    return runBundle(sandbox, { host, scratch, runtime, command, properties, config });
  const own = [...properties, `RuntimeDirectory=${runDirectory(id).slice("/run/".length)}`];
  if (runtime.kind === "systemd") {
    const argv = [programIn(sandbox, config, command), ...command.slice(1)];
    return systemdRun({ host, scratch, properties: own }, argv);
  }
  const process = { ...config.process, args: [...command] };
  const root = resolve(sandbox.dir, config.root.path);
  const { argv } = chrootCommand({ ...config, process }, { root, chroot: runtime.path });
  return systemdRun({ host, scratch, properties: own }, argv);
}

/** systemd-run(1) would look for a bare name on the host. What a writable root has by itself comes before the image's. */
function programIn({ dir }: Sandbox, config: RuntimeConfig, [program = ""]: readonly string[]): string {
  const path = pathOf(config);
  const layers = config.root.path === "root" ? ["upper", "rootfs"] : [config.root.path];
  for (const layer of layers) {
    const found = findInRoot(resolve(dir, layer), { program, path });
    if (found !== undefined) return found;
  }
  throw new Failure("COMMAND_NOT_FOUND", `the container has no program ${JSON.stringify(program)}`);
}

/** An OCI runtime reads the command from a configuration: a bundle of its own, there as long as it runs. */
async function runBundle(
  sandbox: Sandbox,
  {
    runtime,
    command,
    config,
    ...oneOff
  }: OneOff & { runtime: OciRuntime; command: readonly string[]; config: RuntimeConfig },
): Promise<number> {
  const { id, dir } = oneOff.scratch;
  const { cgroupsPath } = ociNeeds(runtime, `${id}.service`);
  const bundle = join(dir, "bundle");
  await mkdir(bundle, { mode: 0o700 });
  const once = {
    ...config,
    root: { ...config.root, path: resolve(sandbox.dir, config.root.path) },
    process: {
      ...config.process,
      terminal: isTerminal(),
      args: command,
      // It is not the service, and has nothing to tell systemd.
      env: config.process.env.filter((entry) => !/^(NOTIFY_SOCKET|WATCHDOG_USEC)=/.test(entry)),
    },
    linux: { ...config.linux, ...(cgroupsPath === undefined ? {} : { cgroupsPath }) },
  };
  await writeFile(join(bundle, "config.json"), JSON.stringify(once), { mode: 0o600 });
  const words = ociCommand(runtime);
  // What a killed runtime leaves of its own.
  const remove = `ExecStopPost=-${quoteExec([...words, "delete", "--force", id])}`;
  const properties = [...oneOff.properties, remove];
  return systemdRun({ ...oneOff, properties }, [...words, "run", "--bundle", bundle, id]);
}

/** Those lines of berth's drop-in that make the sandbox. */
async function propertiesOf({ dir, name }: Sandbox, id: string): Promise<string[]> {
  const unit = parseUnit(await readFile(join(dir, "10-berth.conf"), "utf8"));
  const own = [runDirectory(name), runDirectory(id)] as const;
  const lines = unit.sections
    .filter(({ name }) => name === "Service")
    .flatMap(({ entries }) => entries)
    .filter(({ key }) => !SERVICE_ONLY.test(key))
    .map(({ key, value }) => `${key}=${key === "BindPaths" ? value.replace(own[0], own[1]) : value}`);
  const mounts = getAllValues(unit, { section: "Unit", key: "RequiresMountsFor" });
  // Properties given over D-Bus have no specifiers.
  return [...lines, ...mounts.map((value) => `RequiresMountsFor=${value}`)].map((line) =>
    line.replaceAll("%%", "%"),
  );
}

async function systemdRun({ host, scratch, properties }: OneOff, argv: readonly string[]): Promise<number> {
  const { execa } = await import("execa");
  // systemd substitutes variables in the arguments of what it starts, though not in the program's path.
  const [program = "", ...rest] = argv;
  const words = [program, ...rest.map((word) => word.replaceAll("$", "$$$$"))];
  const options = ["--quiet", "--wait", "--collect", "--service-type=exec", `--unit=${scratch.id}`];
  host.report({ type: "handover" });
  const { exitCode, shortMessage } = await execa(
    "systemd-run",
    [
      ...options,
      isTerminal() ? "--pty" : "--pipe",
      ...[...properties, `TimeoutStopSec=${STOP_SECONDS}`].map((property) => `--property=${property}`),
      "--",
      ...words,
    ],
    { stdio: "inherit", reject: false, cancelSignal: host.signal },
  );
  host.checkInterrupted();
  if (exitCode !== undefined) return exitCode;
  throw new Failure("JOB_FAILED", `the command did not end by itself: ${shortMessage ?? "unknown reason"}`);
}
