/** The texts of a container's unit, of berth's drop-in for it, and of its tmpfiles lines. Pure. */
import { constants } from "node:os";
import { normalize } from "node:path";
import { Failure } from "../errors.ts";
import type { Render } from "../render/templates.ts";
import { isBind } from "../runtime/mounts.ts";
import type { Directive } from "../runtime/runtime.ts";
import { quotePath, quoteValue } from "../unit/quote.ts";
import { type ImageUnit, withoutGiven } from "./exports-unit.ts";
import type { Mounts } from "./mounts.ts";
import { networkDirectives } from "./network.ts";
import { orderDirectives, wantedByOf } from "./order.ts";
import { replaceWantedBy } from "./order-files.ts";
import type { Facts, HostDirectory } from "./plan.ts";
import type { InstallRequest } from "./request.ts";
import type { PlannedService } from "./service.ts";

/** Sources that are no matter of a mount: the kernel's, systemd's own, and files of the root file system. */
const EVER_THERE = /^\/(proc|sys|dev|run\/systemd)(\/|$)|^\/etc\/(hosts|resolv\.conf)$/;

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
  /** The tmpfiles.d(5) lines that the image brings, rendered; undefined for one that leaves them to berth. */
  imageTmpfiles?: string | undefined;
  /** The unit that the image brings, rendered, and what the drop-in adds for it. */
  image?: (ImageUnit & { text: string; directives: readonly Directive[] }) | undefined;
}

export function unitText(
  request: InstallRequest,
  { name, facts, render, service, notify, image: own }: UnitContext,
): string {
  const { image } = facts;
  if (own !== undefined)
    return request.wantedBy.length > 0 ? replaceWantedBy(own.text, wantedByOf(request.wantedBy)) : own.text;
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
  const { name, facts, render, service, stopSignal, watchdog, image } = context;
  const sources = service.config.mounts
    .filter(isBind)
    .map((mount) => normalize(mount.source ?? ""))
    .filter((source) => source.startsWith("/") && !EVER_THERE.test(source));
  const needed = [
    facts.paths.state,
    ...sources,
    ...[context.mountedRoot, facts.rootfs].filter((path) => path !== undefined),
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
  // The image's unit has the word on what both would say, but for what was asked for.
  const unsaid = (directives: Directive[]): Directive[] =>
    image === undefined ? directives : withoutGiven(directives, image);
  return render("10-berth.conf.ejs", {
    name,
    unit,
    service: [
      ...(image?.directives ?? []),
      ...service.directives,
      ...networkDirectives(request.network ?? { type: "host" }),
      ...unsaid(stopping),
      ...(request.watchdog === undefined ? unsaid(watched) : watched),
      ...unsaid([["SyslogIdentifier", name]]),
      ["LogExtraFields", `BERTH_NAME=${name}`],
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
