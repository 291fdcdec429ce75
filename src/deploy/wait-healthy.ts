/** Waits until a service that has started is healthy, as its deployment says that it is found out. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../errors.ts";
import { findHome } from "../home.ts";
import type { Host } from "../host.ts";
import { runTool } from "../systemd/run-tool.ts";
import type { UnitState } from "../systemd/systemd.ts";
import type { Container } from "./containers.ts";
import type { Health, HealthProbe } from "./health.ts";

/** Seconds between probes at first, and at most: what an image says of its interval is for a service that runs for long. */
const FIRST_PAUSE = 0.1;
const LONGEST_PAUSE = 2;

/**
 * The state of the service when it is healthy, or when it has ended: that is the caller's to judge.
 * @throws Failure UNHEALTHY after the time limit, with what the last probe said; INTERRUPTED.
 */
export async function waitHealthy(
  host: Host,
  container: Container,
  { health, hasEnded }: { health: Health; hasEnded(state: UnitState): boolean },
): Promise<UnitState> {
  const systemd = await host.systemd();
  host.report({ type: "step", step: "health", name: container.name });
  const deadline = Date.now() + health.limit * 1000;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, health.interval, LONGEST_PAUSE)) {
    const state = await systemd.unit(container.unit);
    if (hasEnded(state)) return state;
    const reason = await probe(host, container, { health, pid: state.mainPid });
    host.checkInterrupted();
    if (reason === undefined) return systemd.unit(container.unit);
    if (Date.now() + pause * 1000 > deadline) throw await unhealthy(container, health, reason);
    await sleep(pause * 1000);
  }
}

/** Undefined when it is healthy, else what speaks against it. */
async function probe(
  host: Host,
  container: Container,
  { health, pid }: { health: Health; pid: number },
): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(health.timeout * 1000);
  const [tool = "", ...args] = commandOf(host, container, { probe: health.probe, pid });
  try {
    const signal = AbortSignal.any([host.signal, timeout]);
    const { exitCode, stdout, stderr } = await runTool(tool, args, { signal });
    if (exitCode === 0) return undefined;
    return `${stderr}\n${stdout}`.trim() || `exit status ${exitCode}`;
  } catch (error) {
    if (timeout.aborted && !host.signal.aborted) return `no answer within ${health.timeout} s`;
    throw error;
  }
}

/** A process of its own for each probe: it can be given up, and it can be in the service's network. */
function commandOf(
  { config }: Host,
  { name, info }: Container,
  { probe: asked, pid }: { probe: HealthProbe; pid: number },
): string[] {
  if (asked.type === "exec") {
    const berth = [process.execPath, join(findHome(), "bin/berth.js"), "--state", config.state];
    return [...berth, "run", name, ...asked.command];
  }
  const network = info.berth.request.network ?? { type: "host" };
  const inside = network.type === "host" ? [] : ["nsenter", `--net=/proc/${pid}/ns/net`, "--"];
  const { host, port } = asked;
  if (asked.type === "tcp") return [...inside, process.execPath, "--eval", TCP, host, String(port)];
  return [...inside, process.execPath, "--eval", HTTP, host, String(port), asked.path];
}

const TCP = `
  const { argv, exit, stderr } = process;
  const [host, port] = argv.slice(1);
  require("node:net").connect({ host, port: Number(port) })
    .on("connect", () => exit(0))
    .on("error", (error) => { stderr.write(error.message); exit(1); });
`;

const HTTP = `
  const { argv, exit, stderr } = process;
  const [host, port, path] = argv.slice(1);
  require("node:http").get({ host, port: Number(port), path, headers: { connection: "close" } })
    .on("response", ({ statusCode }) => {
      if (statusCode >= 200 && statusCode < 400) exit(0);
      stderr.write("status " + statusCode);
      exit(1);
    })
    .on("error", (error) => { stderr.write(error.message); exit(1); });
`;

async function unhealthy({ unit, name }: Container, health: Health, reason: string): Promise<Failure> {
  const { lastLines } = await import("../systemd/journal.ts");
  const lines = await lastLines(unit, 10);
  return new Failure(
    "UNHEALTHY",
    `${name} did not become healthy within ${health.limit} s: ${describe(health.probe)}`,
    {
      cause: new Error([...reason.split("\n").slice(-5), ...lines].join("\n")),
      hint: "give it more time with --health-timeout, another check, or none with --no-health",
    },
  );
}

function describe(probe: HealthProbe): string {
  if (probe.type === "exec") return `its check ${JSON.stringify(probe.command.at(-1))} fails`;
  return probe.type === "tcp"
    ? `nothing answers at ${probe.host}:${probe.port}`
    : `GET http://${probe.host}:${probe.port}${probe.path} fails`;
}
