/** The texts of a container's unit, of berth's drop-in for it, and of its tmpfiles lines. Pure. */
import { constants } from "node:os";
import { Failure } from "../errors.ts";
import type { Render } from "../render/templates.ts";
import type { Directive } from "../runtime/runtime.ts";
import { quotePath, quoteValue } from "../unit/quote.ts";
import type { Mounts } from "./mounts.ts";
import { networkDirectives } from "./network.ts";
import { orderDirectives, wantedByOf } from "./order.ts";
import type { Facts, HostDirectory } from "./plan.ts";
import type { InstallRequest } from "./request.ts";
import type { PlannedService } from "./service.ts";
import { ownState } from "./volume.ts";

/** Longer than any server of files needs, shorter than people wait for a reboot. */
const STOP_SECONDS = 30;
/** After a missed watchdog: to write a core. */
const ABORT_SECONDS = 5;

export interface UnitContext {
  name: string;
  facts: Facts;
  render: Render;
  service: PlannedService;
  /** The service tells its readiness. */
  notify: boolean;
  /** Seconds in which it has to tell that it lives; undefined for one that does not. */
  watchdog: number | undefined;
  mounts: Mounts;
  /** Its root file system, where that is mounted for it. */
  mountedRoot: string | undefined;
  /** As systemd names it. */
  stopSignal: string | undefined;
}

export function unitText(
  request: InstallRequest,
  { name, facts, render, service, notify }: UnitContext,
): string {
  const { image } = facts;
  const title = image.config.labels["org.opencontainers.image.title"];
  return render("service.ejs", {
    name,
    description: quoteValue(`${title ?? name} (${image.name})`),
    image: quoteValue(image.name),
    digest: image.digest,
    type: notify ? "notify" : "exec",
    execStart: service.execStart,
    wantedBy: wantedByOf(request.wantedBy).join(" "),
  });
}

export function dropInText(request: InstallRequest, context: UnitContext): string {
  const { name, facts, render, service, mounts, stopSignal, watchdog } = context;
  const needed = [
    facts.paths.state,
    ...ownState(mounts.state.map(({ path }) => path)),
    ...request.volumes.map(({ source }) => source),
    ...(context.mountedRoot === undefined ? [] : [context.mountedRoot]),
  ];
  const unit: Directive[] = [
    ["RequiresMountsFor", [...new Set(needed)].map(quotePath).join(" ")],
    ...orderDirectives(request.order),
  ];
  const stopping: Directive[] = [
    ...(stopSignal === undefined ? [] : [["KillSignal", stopSignal] as const]),
    ["TimeoutStopSec", String(STOP_SECONDS)],
  ];
  const watched: Directive[] =
    watchdog === undefined
      ? []
      : [
          ["WatchdogSec", String(watchdog)],
          ["TimeoutAbortSec", String(ABORT_SECONDS)],
        ];
  const logging: Directive[] = [
    ["SyslogIdentifier", name],
    ["LogExtraFields", `BERTH_NAME=${name}`],
  ];
  return render("10-berth.conf.ejs", {
    name,
    unit,
    service: [
      ...service.directives,
      ...networkDirectives(request.network ?? { type: "host" }),
      ...stopping,
      ...watched,
      ...logging,
    ],
  });
}

/**
 * `SIGTERM`, `TERM`, `15` and `SIGRTMIN+3`, as image configs write them, in systemd's words.
 * @throws Failure CONFIG_INVALID for what is no signal.
 */
export function killSignal(text: string): string {
  const signal = /^(?:SIG)?([A-Z][A-Z0-9]*(?:[+-]\d+)?)$/.exec(text)?.[1];
  if (signal !== undefined) return `SIG${signal}`;
  if (/^\d{1,2}$/.test(text)) {
    const named = Object.entries(constants.signals).find(([, number]) => number === Number(text));
    return named?.[0] ?? text;
  }
  throw new Failure("CONFIG_INVALID", `the image's stop signal ${JSON.stringify(text)} is none`);
}

export function tmpfilesText(directories: readonly HostDirectory[], render: Render): string {
  return render("tmpfiles.conf.ejs", {
    directories: directories.map(({ path, uid, gid, mode }) => ({
      path: tmpfilesPath(path),
      uid,
      gid,
      mode,
    })),
  });
}

/** tmpfiles.d(5): a path is a word with C escapes, in which `%` begins a specifier. */
function tmpfilesPath(path: string): string {
  const text = path.replaceAll("%", "%%");
  return /[\s"'\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : text;
}
