/**
 * A container under an OCI runtime: in the foreground, in the unit's own cgroup, without --systemd-cgroup. So the unit's
 * limits hold, its log and its stop reach the container, and a killed runtime leaves nothing that a later start trips on.
 */
import { constants } from "node:os";
import { quoteExec } from "../unit/quote.ts";
import type { Bundle, Directive, OciRuntime, Service } from "./runtime.ts";

/** Where the host's notify socket is bound in a container whose service speaks sd_notify. */
export const NOTIFY_SOCKET = "/run/host/notify";

/** What a runtime needs of the configuration that is written for it. */
export interface OciNeeds {
  /** The control group of the container, for a runtime that makes one. */
  cgroupsPath?: string;
  namespaces: string[];
}

export function ociNeeds(runtime: OciRuntime, unit: string): OciNeeds {
  return {
    namespaces: ["mount", "ipc", "uts", "pid"],
    ...(managesCgroup(runtime) ? { cgroupsPath: `/system.slice/${unit}/container` } : {}),
  };
}

/** The words that every call of a runtime begins with. */
export function ociCommand(runtime: OciRuntime): string[] {
  return [runtime.path, ...(managesCgroup(runtime) ? [] : ["--cgroup-manager=disabled"])];
}

export function ociService(
  runtime: OciRuntime,
  { name, dir, notify, stopSignal }: Bundle & { stopSignal?: string | undefined },
): Service {
  const command = ociCommand(runtime);
  // A state left by a killed runtime would make every later start fail with "already exists".
  const remove = `-${quoteExec([...command, "delete", "--force", name])}`;
  const directives: Directive[] = [
    ["ExecStartPre", remove],
    ["ExecStopPost", remove],
    ["KillMode", "mixed"],
    // A runtime tells of a container that ended by its stop signal as a shell does.
    ["SuccessExitStatus", successStatuses(stopSignal).join(" ")],
  ];
  if (stopSignal !== undefined && !isForwarded(stopSignal)) {
    directives.push([
      "ExecStop",
      `-${quoteExec([...command, "kill", name, stopSignal.slice("SIG".length)])}`,
    ]);
  }
  if (managesCgroup(runtime)) directives.push(["Delegate", "yes"]);
  if (notify) {
    // The runtime would forward READY=1 alone. The service has the socket bound instead and speaks the whole protocol; the
    // runtime must not see the variable, or it waits on a socket of its own.
    directives.push(["NotifyAccess", "all"], ["UnsetEnvironment", "NOTIFY_SOCKET"]);
  }
  return {
    execStart: quoteExec([...command, "run", "--bundle", dir, name]),
    directives,
    unsupported: [],
  };
}

/** crun stays out of control groups: its own manager fails on the first start after boot, and the unit's group is enough. */
export function managesCgroup(runtime: OciRuntime): boolean {
  return runtime.flavor !== "crun";
}

/** Runtimes pass on the signals they get, but for those that mean something to themselves. */
function isForwarded(signal: string): boolean {
  return signal !== "SIGWINCH" && signal !== "SIGURG" && signal !== "SIGCHLD";
}

function successStatuses(stopSignal: string | undefined): number[] {
  const numbers: Record<string, number> = constants.signals;
  const own = stopSignal === undefined ? undefined : (numbers[stopSignal] ?? Number(stopSignal));
  const signals = [constants.signals.SIGTERM, ...(own === undefined || Number.isNaN(own) ? [] : [own])];
  return [...new Set(signals.map((signal) => 128 + signal))];
}
