/** The composition root: what a use case works on, opened from a configuration when first needed. */
import type { Config } from "./config.ts";
import { Failure, isErrno } from "./errors.ts";
import type { Report } from "./events.ts";
import type { Reference } from "./oci/reference.ts";
import { type Layout, layoutOf } from "./store/layout.ts";
import type { Store } from "./store/store.ts";
import type { Systemd } from "./systemd/systemd.ts";
import type { Destination } from "./transport/destination.ts";
import type { Source, SourceOptions } from "./transport/source.ts";
import type { Policy } from "./trust/policy.ts";

export interface HostOptions {
  report: Report;
  /** Aborted when the user interrupts; use cases then undo what they did. */
  signal: AbortSignal;
}

/** Opens nothing by itself; `withHost` closes what was opened. */
export class Host {
  readonly config: Config;
  readonly layout: Layout;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Shared by all views of one host. */
  readonly #opened: { systemd?: Promise<Systemd> };

  constructor(config: Config, { report, signal }: HostOptions, of?: Host) {
    this.config = config;
    this.layout = layoutOf(config.state);
    this.report = report;
    this.signal = signal;
    this.#opened = of === undefined ? {} : of.#opened;
  }

  /** The same host, whose events go to `report`. */
  reportingTo(report: Report): Host {
    return new Host(this.config, { report, signal: this.signal }, this);
  }

  /** Works on a tree that does not run: no D-Bus, no jobs. */
  get offline(): boolean {
    return this.config.root !== "/";
  }

  /** The store for reading; where there is none it is empty. */
  store(): Promise<Store> {
    return this.#openStore(false);
  }

  /** The store for writing, made where there is none. */
  async writableStore(): Promise<Store> {
    this.requireRoot("write to the store");
    // Pieces of a layer are garbage at once: a young generation that does not grow collects them sooner, for
    // 40 MB less at the same CPU time.
    const { setFlagsFromString } = await import("node:v8");
    setFlagsFromString("--semi-space-growth-factor=1");
    return this.#openStore(true);
  }

  /** @throws Failure NO_SYSTEMD */
  systemd(): Promise<Systemd> {
    if (this.offline) throw new Error("an offline tree has no systemd to talk to");
    this.#opened.systemd ??= import("./systemd/systemd.ts").then(({ connectSystemd }) => connectSystemd());
    return this.#opened.systemd;
  }

  async source(
    reference: Reference,
    options: { authFile?: string | undefined; tlsVerify?: boolean | undefined } = {},
  ): Promise<Source> {
    const { openSource } = await import("./transport/source.ts");
    return openSource(reference, this.#transportOptions(options));
  }

  async destination(
    reference: Reference,
    options: { authFile?: string | undefined; tlsVerify?: boolean | undefined } = {},
  ): Promise<Destination> {
    const { openDestination } = await import("./transport/destination.ts");
    return openDestination(reference, this.#transportOptions(options));
  }

  async policy(): Promise<Policy | undefined> {
    const { loadPolicy } = await import("./trust/load-policy.ts");
    return loadPolicy(this.config.root);
  }

  /** @throws Failure NOT_ROOT */
  requireRoot(what: string): void {
    if (process.geteuid?.() === 0) return;
    throw new Failure("NOT_ROOT", `only root can ${what}`, { hint: "run the command with sudo" });
  }

  /** @throws Failure INTERRUPTED when the user has interrupted; called between steps. */
  checkInterrupted(): void {
    if (this.signal.aborted) throw new Failure("INTERRUPTED", "interrupted");
  }

  async close(): Promise<void> {
    const systemd = await this.#opened.systemd?.catch(() => undefined);
    systemd?.close();
  }

  #transportOptions({
    authFile,
    tlsVerify,
  }: {
    authFile?: string | undefined;
    tlsVerify?: boolean | undefined;
  }): SourceOptions {
    return {
      root: this.config.root,
      signal: this.signal,
      report: this.report,
      ...(authFile === undefined ? {} : { authFile }),
      ...(tlsVerify === undefined ? {} : { tlsVerify }),
    };
  }

  async #openStore(create: boolean): Promise<Store> {
    const { Store } = await import("./store/store.ts");
    const { state, additionalStores: additional } = this.config;
    return Store.open(state, { report: this.report, signal: this.signal, create, additional });
  }
}

/** Runs `use` on a host and closes what it opened. */
export async function withHost<T>(
  { config, report, signal }: HostOptions & { config: Config },
  use: (host: Host) => Promise<T>,
): Promise<T> {
  const host = new Host(config, { report, signal });
  try {
    return await use(host);
  } catch (error) {
    throw asNoSpace(error, config);
  } finally {
    await host.close();
  }
}

/** Any write may meet a full disk; who could say more about it has said so. */
function asNoSpace(error: unknown, { state }: Config): unknown {
  if (!isErrno(error, "ENOSPC") && !isErrno(error, "EDQUOT")) return error;
  return new Failure("NO_SPACE", `no space left on the file system of ${error.path ?? state}`, {
    hint: "`berth df` shows where the space goes, `berth prune` drops what nothing needs",
    cause: error,
  });
}
