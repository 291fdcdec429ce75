/**
 * systemd as berth uses it: the manager object of org.freedesktop.systemd1(5) over the system bus, or over systemd's private
 * socket where there is no bus (early boot, dbus stopped or masked).
 */
import { Failure } from "../errors.ts";
import { parseBusAddress } from "./address.ts";
import { Bus } from "./bus.ts";
import { failureOf, unless } from "./bus-failure.ts";
import type { JobOptions, JobResult } from "./jobs.ts";
import { DBUS, MANAGER, MANAGER_PATH, Manager, SYSTEMD } from "./manager.ts";
import type { ListedUnit, UnitState } from "./unit-state.ts";

export type { JobResult } from "./jobs.ts";
export type { ListedUnit, UnitState } from "./unit-state.ts";

/** Every method fails with NO_SYSTEMD when systemd does not answer, and with the Failure of failureOf() when it refuses. */
export interface Systemd {
  /** Starts a unit and waits for the job. `mode`: `replace` (default), `fail`, `ignore-dependencies`, ... */
  start(unit: string, mode?: string, options?: JobOptions): Promise<JobResult>;
  stop(unit: string, mode?: string, options?: JobOptions): Promise<JobResult>;
  restart(unit: string, mode?: string, options?: JobOptions): Promise<JobResult>;
  /** Asks for a start and waits for nothing: while the system boots, jobs wait for the boot. */
  queueStart(unit: string): Promise<void>;
  /** Reads all unit files again. enable() and disable() need it after them. */
  reload(): Promise<void>;
  enable(units: string[]): Promise<void>;
  /** Also removes the links of a unit whose file is gone. */
  disable(units: string[]): Promise<void>;
  /** Forgets that a unit failed, and its start limit; a unit that is not loaded is none. */
  resetFailed(unit: string): Promise<void>;
  /** loadState is `not-found` for a unit that does not exist. */
  unit(name: string): Promise<UnitState>;
  /** One property, its D-Bus types as JavaScript's: 64-bit integers are bigint, `ay` is a Buffer, dictionaries are objects. */
  property(unit: string, interfaceName: "Unit" | "Service", name: string): Promise<unknown>;
  /** `enabled`, `disabled`, ... as `systemctl is-enabled` says; undefined when there is no such unit file. */
  fileState(unit: string): Promise<string | undefined>;
  /** The loaded units whose names match a pattern (`etcd.service`, `berth-*`). */
  list(patterns: string[]): Promise<ListedUnit[]>;
  version(): Promise<string>;
  /** Microseconds of the monotonic clock: when userspace began, and when the boot was finished (0 while it goes on). */
  bootTimes(): Promise<{ userspace: number; finished: number }>;
  close(): void;
}

export interface ConnectOptions {
  /** D-Bus address; default DBUS_SYSTEM_BUS_ADDRESS, else the system bus. */
  address?: string | undefined;
  /** Where to go, as root, when there is no bus; default /run/systemd/private. */
  privateSocket?: string | undefined;
  /** Deadline of every call; default 25 s, and 180 s for a reload. Jobs have none. */
  timeoutMs?: number | undefined;
}

const SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket";
const DBUS_PATH = "/org/freedesktop/DBus";

/** Connects to the system's systemd. NO_SYSTEMD when there is none, with what was tried as its cause. */
export async function connectSystemd(options: ConnectOptions = {}): Promise<Systemd> {
  const { privateSocket = "/run/systemd/private", timeoutMs } = options;
  const address = options.address ?? (process.env["DBUS_SYSTEM_BUS_ADDRESS"] || SYSTEM_BUS);
  const errors: unknown[] = [];
  for (const path of parseBusAddress(address)) {
    try {
      return await overBus(path, timeoutMs);
    } catch (error) {
      errors.push(error);
    }
  }
  if (process.geteuid?.() === 0) {
    try {
      return await overPrivateSocket(privateSocket, timeoutMs);
    } catch (error) {
      errors.push(error);
    }
  }
  const cause = errors.length > 1 ? new AggregateError(errors, errors.map(String).join("; ")) : errors[0];
  throw new Failure("NO_SYSTEMD", "cannot reach systemd on this host", {
    cause,
    hint: "services are installed on a host that systemd has booted; `--root DIR` prepares a tree without it",
  });
}

async function overBus(path: string, timeoutMs: number | undefined): Promise<Systemd> {
  const bus = await Bus.open(path, { timeoutMs });
  const dbus = (member: string, body?: string[]): Promise<unknown[]> =>
    bus.call({
      destination: DBUS,
      path: DBUS_PATH,
      interface: DBUS,
      member,
      ...(body && { signature: "s".repeat(body.length), body }),
    });
  try {
    await Promise.all([dbus("Hello"), dbus("GetNameOwner", [SYSTEMD])]);
  } catch (error) {
    bus.close();
    throw failureOf(error, "be found on the bus");
  }
  let owner: unknown;
  return new Manager(bus, {
    // Anyone on the bus may send us a signal, whatever matches we add: only systemd's count.
    isFromSystemd: ({ sender }) => sender === owner,
    movedTo(name): void {
      owner = name;
    },
    async subscribe(): Promise<void> {
      const jobs = `type='signal',sender='${SYSTEMD}',path='${MANAGER_PATH}',interface='${MANAGER}',member='JobRemoved'`;
      const leaving = `type='signal',sender='${DBUS}',interface='${DBUS}',member='NameOwnerChanged',arg0='${SYSTEMD}'`;
      const subscribe = { destination: SYSTEMD, path: MANAGER_PATH, interface: MANAGER, member: "Subscribe" };
      const asked = [
        dbus("AddMatch", [jobs]),
        dbus("AddMatch", [leaving]),
        unless("AlreadySubscribed", () => bus.call(subscribe)),
      ];
      const [[name]] = await Promise.all([dbus("GetNameOwner", [SYSTEMD]), ...asked]);
      owner = name;
    },
  });
}

async function overPrivateSocket(path: string, timeoutMs: number | undefined): Promise<Systemd> {
  const bus = await Bus.open(path, { timeoutMs });
  // When pid 1 reads the end of the handshake and the first call at once, it stalls until more bytes come (systemd#17425).
  await new Promise((resolve) => void setTimeout(resolve, 5));
  const ping = (): Promise<unknown[]> =>
    bus.call({ destination: SYSTEMD, path: "/", interface: "org.freedesktop.DBus.Peer", member: "Ping" });
  const nudge = setInterval(() => void ping().catch(() => undefined), 20);
  try {
    await ping();
  } catch (error) {
    bus.close();
    throw failureOf(error, "answer on its private socket");
  } finally {
    clearInterval(nudge);
  }
  // No Hello, no names, no matches: every signal is sent to every peer.
  return new Manager(bus, {
    isFromSystemd: () => true,
    movedTo: () => undefined,
    subscribe: () => Promise.resolve(),
  });
}
