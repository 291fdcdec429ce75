/** A command in a container that does not run: a unit of its own that lasts as long as the command, with the same sandbox. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import type { RuntimeConfig } from "../oci/runtime-config.ts";
import { chrootCommand } from "../runtime/chroot-service.ts";
import { ociCommand, ociNeeds } from "../runtime/oci-service.ts";
import { type OciRuntime, parseRuntime, runDirectory } from "../runtime/runtime.ts";
import { findInRoot } from "../sys/find-in-root.ts";
import { getAllValues, parseUnit } from "../unit/unit-file.ts";
import type { Container } from "./containers.ts";
import { configOf, isTerminal, pathOf } from "./exec.ts";

/** What makes a service of the sandbox: its own commands, its restarts, its readiness, its log. */
const SERVICE_ONLY =
  /^(Type$|Exec|Restart|Kill|NotifyAccess$|Watchdog|Timeout|SuccessExitStatus$|SyslogIdentifier$|RuntimeDirectory$)/;

interface OneOff {
  /** Of the unit, and for an OCI runtime of the container. */
  id: string;
  /** `KEY=VALUE` */
  properties: string[];
}

/** The exit status of the command. */
export async function runOnce(container: Container, command: readonly string[]): Promise<number> {
  const id = `berth-run-${container.name}-${randomBytes(4).toString("hex")}`;
  const runtime = parseRuntime(container.info.runtime);
  const config = await configOf(container);
  const properties = await propertiesOf(container, id);
  if (runtime.kind === "oci") return runBundle(container, { id, runtime, command, properties, config });
  const own = [...properties, `RuntimeDirectory=${runDirectory(id).slice("/run/".length)}`];
  if (runtime.kind === "systemd")
    return systemdRun({ id, properties: own }, [programIn(container, config, command), ...command.slice(1)]);
  const process = { ...config.process, args: [...command] };
  const root = join(container.dir, config.root.path);
  const { argv } = chrootCommand({ ...config, process }, { root, chroot: runtime.path });
  return systemdRun({ id, properties: own }, argv);
}

/** systemd-run(1) would look for a bare name on the host. What a writable root has by itself comes before the image's. */
function programIn(container: Container, config: RuntimeConfig, [program = ""]: readonly string[]): string {
  const path = pathOf(config);
  const layers = config.root.path === "rootfs" ? ["rootfs"] : ["upper", "rootfs"];
  for (const layer of layers) {
    const found = findInRoot(join(container.dir, layer), { program, path });
    if (found !== undefined) return found;
  }
  throw new Failure("COMMAND_NOT_FOUND", `the container has no program ${JSON.stringify(program)}`);
}

/** An OCI runtime reads the command from a configuration: a bundle of its own, there as long as it runs. */
async function runBundle(
  container: Container,
  {
    id,
    runtime,
    command,
    properties,
    config,
  }: OneOff & { runtime: OciRuntime; command: readonly string[]; config: RuntimeConfig },
): Promise<number> {
  const { cgroupsPath } = ociNeeds(runtime, `${id}.service`);
  const bundle = join("/run", id);
  await mkdir(bundle, { mode: 0o700 });
  try {
    const once = {
      ...config,
      root: { ...config.root, path: join(container.dir, config.root.path) },
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
    return await systemdRun({ id, properties }, [...ociCommand(runtime), "run", "--bundle", bundle, id]);
  } finally {
    await rm(bundle, { recursive: true, force: true });
  }
}

/** Those lines of berth's drop-in that make the sandbox. */
async function propertiesOf(container: Container, id: string): Promise<string[]> {
  const unit = parseUnit(await readFile(join(container.dir, "10-berth.conf"), "utf8"));
  const own = [runDirectory(container.name), runDirectory(id)] as const;
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

async function systemdRun({ id, properties }: OneOff, argv: readonly string[]): Promise<number> {
  const { execa } = await import("execa");
  // systemd substitutes variables in the arguments of what it starts, though not in the program's path.
  const [program = "", ...rest] = argv;
  const words = [program, ...rest.map((word) => word.replaceAll("$", "$$$$"))];
  const options = ["--quiet", "--wait", "--collect", "--service-type=exec", `--unit=${id}`];
  const { exitCode, shortMessage } = await execa(
    "systemd-run",
    [
      ...options,
      isTerminal() ? "--pty" : "--pipe",
      ...properties.map((property) => `--property=${property}`),
      "--",
      ...words,
    ],
    { stdio: "inherit", reject: false },
  );
  if (exitCode !== undefined) return exitCode;
  throw new Failure("JOB_FAILED", `the command did not end by itself: ${shortMessage ?? "unknown reason"}`);
}
