/** The manager object of systemd, over a connection that is already made. The methods are told in systemd.ts. */
import type { Message, Variant } from "dbus-next";
import { Failure } from "../errors.ts";
import { unitObjectPath } from "./address.ts";
import type { Bus } from "./bus.ts";
import { failureOf, unless } from "./bus-failure.ts";
import { type JobOptions, type JobResult, Jobs } from "./jobs.ts";
import { type ListedUnit, type Properties, type UnitState, unitState } from "./unit-state.ts";

export const SYSTEMD = "org.freedesktop.systemd1";
export const MANAGER_PATH = "/org/freedesktop/systemd1";
export const MANAGER = "org.freedesktop.systemd1.Manager";
export const DBUS = "org.freedesktop.DBus";
const PROPERTIES = "org.freedesktop.DBus.Properties";
const RELOAD_MS = 180_000;

export interface Signals {
  /** Whether a signal is systemd's own. */
  isFromSystemd(message: Message): boolean;
  /** systemd has another name on the bus from now on. */
  movedTo(owner: string): void;
  /** Asks for JobRemoved and for systemd's leaving; done before the first job. */
  subscribe(): Promise<void>;
}

export class Manager {
  readonly #bus: Bus;
  readonly #signals: Signals;
  readonly #jobs = new Jobs();
  #subscribed: Promise<void> | undefined;

  constructor(bus: Bus, signals: Signals) {
    this.#bus = bus;
    this.#signals = signals;
    bus.onSignal = (message): void => this.#signal(message);
    bus.onEnd = (failure): void => this.#jobs.fail(failure);
  }

  start(unit: string, mode?: string, options?: JobOptions): Promise<JobResult> {
    return this.#job("StartUnit", { verb: "start", unit, mode, options });
  }

  stop(unit: string, mode?: string, options?: JobOptions): Promise<JobResult> {
    return this.#job("StopUnit", { verb: "stop", unit, mode, options });
  }

  restart(unit: string, mode?: string, options?: JobOptions): Promise<JobResult> {
    return this.#job("RestartUnit", { verb: "restart", unit, mode, options });
  }

  async queueStart(unit: string): Promise<void> {
    await this.#manage("StartUnit", { signature: "ss", body: [unit, "replace"], what: `start ${unit}` });
  }

  async reload(): Promise<void> {
    await this.#manage("Reload", { what: "reload its unit files", timeoutMs: RELOAD_MS });
  }

  async enable(units: string[]): Promise<void> {
    const what = `enable ${units.join(", ")}`;
    await this.#manage("EnableUnitFiles", { signature: "asbb", body: [units, false, false], what });
  }

  async disable(units: string[]): Promise<void> {
    // A unit without a file and without links is disabled already.
    await unless("NoSuchUnit", () =>
      this.#manage("DisableUnitFiles", {
        signature: "asb",
        body: [units, false],
        what: `disable ${units.join(", ")}`,
      }),
    );
  }

  async resetFailed(unit: string): Promise<void> {
    await unless("NoSuchUnit", () =>
      this.#manage("ResetFailedUnit", { signature: "s", body: [unit], what: `reset ${unit}` }),
    );
  }

  async unit(name: string): Promise<UnitState> {
    // One reply an interface, so that what belongs together is of one moment; as fast as fourteen single properties.
    const [unit, service] = await Promise.all([
      this.#getAll(name, "Unit"),
      name.endsWith(".service") ? this.#getAll(name, "Service") : undefined,
    ]);
    return unitState(name, unit, service);
  }

  property(unit: string, interfaceName: "Unit" | "Service", name: string): Promise<unknown> {
    return this.#get(unitObjectPath(unit), `${SYSTEMD}.${interfaceName}`, {
      name,
      what: `tell ${name} of ${unit}`,
    });
  }

  async fileState(unit: string): Promise<string | undefined> {
    const request = { signature: "s", body: [unit], what: `tell the state of ${unit}` };
    const reply = await unless("FileNotFound", () => this.#manage("GetUnitFileState", request));
    return reply?.[0] as string | undefined;
  }

  async list(patterns: string[]): Promise<ListedUnit[]> {
    const request = { signature: "asas", body: [[], patterns], what: "list units" };
    const [units] = (await this.#manage("ListUnitsByPatterns", request)) as [string[][]];
    return units.map(([name = "", , loadState = "", activeState = "", subState = ""]) => ({
      ...{ name, loadState, activeState, subState },
    }));
  }

  version(): Promise<string> {
    return this.#get(MANAGER_PATH, MANAGER, { name: "Version", what: "tell its version" }) as Promise<string>;
  }

  async bootTimes(): Promise<{ userspace: number; finished: number }> {
    const read = async (name: string): Promise<number> =>
      Number(await this.#get(MANAGER_PATH, MANAGER, { name, what: "tell when it booted" }));
    const [userspace, finished] = await Promise.all([
      read("UserspaceTimestampMonotonic"),
      read("FinishTimestampMonotonic"),
    ]);
    return { userspace, finished };
  }

  close(): void {
    this.#bus.close();
  }

  async #job(member: string, request: JobRequest): Promise<JobResult> {
    const { verb, unit, mode = "replace", options = {} } = request;
    const what = `${verb} ${unit}`;
    this.#subscribed ??= this.#signals.subscribe();
    await this.#subscribed.catch((error: unknown) => {
      this.#subscribed = undefined;
      throw failureOf(error, what);
    });
    const dispatch = async (): Promise<string> => {
      const [path] = await this.#manage(member, { signature: "ss", body: [unit, mode], what });
      return path as string;
    };
    return this.#jobs.run(dispatch, { what, ...options });
  }

  async #manage(member: string, request: ManagerCall): Promise<unknown[]> {
    const { what, ...call } = request;
    const target = { destination: SYSTEMD, path: MANAGER_PATH, interface: MANAGER, member };
    try {
      return await this.#bus.call({ ...target, ...call });
    } catch (error) {
      throw failureOf(error, what);
    }
  }

  async #get(path: string, from: string, { name, what }: { name: string; what: string }): Promise<unknown> {
    const call = {
      destination: SYSTEMD,
      path,
      interface: PROPERTIES,
      member: "Get",
      signature: "ss",
      body: [from, name],
    };
    try {
      const [variant] = (await this.#bus.call({ ...call, label: what })) as [Variant<unknown>];
      return variant.value;
    } catch (error) {
      throw failureOf(error, what);
    }
  }

  async #getAll(unit: string, from: "Unit" | "Service"): Promise<Properties> {
    const what = `tell the state of ${unit}`;
    const target = {
      destination: SYSTEMD,
      path: unitObjectPath(unit),
      interface: PROPERTIES,
      member: "GetAll",
    };
    try {
      const [properties] = await this.#bus.call({
        ...target,
        signature: "s",
        body: [`${SYSTEMD}.${from}`],
        label: what,
      });
      return properties as Properties;
    } catch (error) {
      throw failureOf(error, what);
    }
  }

  #signal(message: Message): void {
    if (message.member === "JobRemoved" && this.#signals.isFromSystemd(message)) this.#jobs.removed(message);
    if (message.member !== "NameOwnerChanged" || message.sender !== DBUS) return;
    const owner = message.body[2] as string;
    // `systemctl daemon-reexec` hands the name on in one step; jobs and the subscription live on.
    if (owner !== "") this.#signals.movedTo(owner);
    else {
      this.#subscribed = undefined;
      this.#jobs.fail(new Failure("NO_SYSTEMD", "systemd left the bus"));
    }
  }
}

interface JobRequest {
  verb: string;
  unit: string;
  mode: string | undefined;
  options: JobOptions | undefined;
}

interface ManagerCall {
  signature?: string;
  body?: unknown[];
  what: string;
  timeoutMs?: number;
}
