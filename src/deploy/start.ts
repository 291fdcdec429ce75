/** A start job, awaited, and what systemd says when it fails. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { UnitState } from "../systemd/systemd.ts";
import { findContainer } from "./containers.ts";

/** Lines of the journal that an error shows. */
const LOG_LINES = 10;

/** A service that tells no readiness is started once its program runs; one that ends within this time did not start. */
const SETTLE_MS = 400;
const POLL_MS = 40;
const WATCH_POLL_MS = 200;

/**
 * Starts or restarts `unit`, and waits for systemd's verdict.
 * @throws Failure JOB_FAILED with the unit's result and its last log lines; UNHEALTHY; INTERRUPTED.
 */
export async function startUnit(
  host: Host,
  unit: string,
  verb: "start" | "restart" = "start",
): Promise<UnitState> {
  const systemd = await host.systemd();
  host.report({ type: "step", step: verb, name: unit });
  const since = new Date();
  const result = await systemd[verb](unit, "replace", { signal: host.signal });
  const started = result === "done" ? await settle(host, unit) : await systemd.unit(unit);
  const state = result === "done" && !failed(started) ? await healthy(host, unit, started) : started;
  if (result === "done" && !failed(state)) return state;
  throw await unitFailure("JOB_FAILED", `${unit} did not ${verb}: job ${result}`, { state, since });
}

/** A container that says how its health is found out has started when it is healthy, or ended before. */
async function healthy(host: Host, unit: string, started: UnitState): Promise<UnitState> {
  const container = await findContainer(host, unit.replace(/\.service$/, ""));
  const { health } = container.info.berth;
  if (health === undefined) return started;
  const { waitHealthy } = await import("./wait-healthy.ts");
  return waitHealthy(host, container, { health, hasEnded: failed });
}

/**
 * Watches a unit that came up: it stays active and is not started again.
 * @throws Failure UNHEALTHY with the unit's result and its last log lines; INTERRUPTED.
 */
export async function watchUnit(host: Host, unit: string, { forMs }: { forMs: number }): Promise<void> {
  const systemd = await host.systemd();
  const since = new Date();
  host.report({ type: "step", step: "watch", name: unit });
  for (let watched = 0; ; watched += WATCH_POLL_MS) {
    const state = await systemd.unit(unit);
    if (state.activeState !== "active" || failed(state)) {
      throw await unitFailure("UNHEALTHY", `${unit} came up and did not stay up`, { state, since });
    }
    if (watched >= forMs && !failed(await healthy(host, unit, state))) return;
    if (watched >= forMs) continue; // it ended meanwhile: see how
    await sleep(Math.min(WATCH_POLL_MS, forMs - watched));
    host.checkInterrupted();
  }
}

/** Looks often: a unit that ended shows how only until systemd starts it again, a tenth of a second later. */
async function settle(host: Host, unit: string): Promise<UnitState> {
  const systemd = await host.systemd();
  let state = await systemd.unit(unit);
  for (let waited = 0; waited < SETTLE_MS && !failed(state); waited += POLL_MS) {
    await sleep(POLL_MS);
    host.checkInterrupted();
    state = await systemd.unit(unit);
  }
  return state;
}

/** An explicit start counts restarts from zero: one that followed by itself means that the first run ended. */
function failed(state: UnitState): boolean {
  return state.activeState === "failed" || state.subState === "auto-restart" || state.nRestarts > 0;
}

async function unitFailure(
  code: "JOB_FAILED" | "UNHEALTHY",
  what: string,
  { state, since }: { state: UnitState; since: Date },
): Promise<Failure> {
  const { lastLines } = await import("../systemd/journal.ts");
  const lines = await lastLines(state.name, LOG_LINES, { since }).catch((error: unknown) => [
    `its log cannot be read: ${String(error)}`,
  ]);
  const details = [
    what,
    ...(state.result !== "success" ? [`result ${state.result}`] : []),
    ...exit(state),
    ...(state.nRestarts > 0 ? ["it ended and was started again"] : []),
  ];
  return new Failure(code, details.join(", "), {
    cause: lines.length > 0 ? new Error(lines.join("\n")) : undefined,
    hint: what.endsWith("job dependency")
      ? `a unit it requires failed: systemctl list-dependencies ${state.name}`
      : undefined,
  });
}

/** CLD_EXITED and CLD_KILLED of siginfo(2). */
function exit({ execMainCode, execMainStatus }: UnitState): string[] {
  if (execMainCode === 1 && execMainStatus !== 0) return [`exit status ${execMainStatus}`];
  if (execMainCode === 2 || execMainCode === 3) return [`signal ${execMainStatus}`];
  return [];
}
