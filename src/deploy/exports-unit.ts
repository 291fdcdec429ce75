/** The unit of an image in the /exports format: its own text, and what berth's drop-in has to add to it. Pure. */
import { Failure } from "../errors.ts";
import { substitute, type TemplateValues } from "../render/substitute.ts";
import { type Directive, formatRuntime, type Runtime } from "../runtime/runtime.ts";
import { getValue, parseUnit, type UnitFile } from "../unit/unit-file.ts";
import { type Exports, exportsPath } from "./exports.ts";

const SERVICE = "Service";

/** The rendered unit; undefined for an image that brings none. @throws Failure VALUE_MISSING, TEMPLATE_INVALID */
export function imageUnit({ serviceTemplate }: Exports, values: TemplateValues): string | undefined {
  if (serviceTemplate === undefined) return undefined;
  return substitute(serviceTemplate, values, { file: exportsPath("serviceTemplate") });
}

/** What an image's unit says that is not for berth's drop-in to say again. */
export interface ImageUnit {
  unit: UnitFile;
  notify: boolean;
  /** As systemd may name it; undefined for what systemd would pass over. */
  killSignal: string | undefined;
  /** Seconds, where they are plain. */
  watchdog: number | undefined;
}

export function readImageUnit(text: string): ImageUnit {
  const unit = parseUnit(text);
  const value = (key: string): string | undefined => getValue(unit, { section: SERVICE, key }) || undefined;
  const watchdog = /^([1-9]\d{0,5})s?$/.exec(value("WatchdogSec") ?? "")?.[1];
  return {
    unit,
    notify: /^notify(-reload)?$/.test(value("Type") ?? ""),
    killSignal: /^((SIG)?[A-Z][A-Z0-9]*([+-]\d+)?|\d{1,2})$/.exec(value("KillSignal") ?? "")?.[0],
    watchdog: watchdog === undefined ? undefined : Number(watchdog),
  };
}

/** Those of berth's directives that an image's unit does not give itself. */
export function withoutGiven(directives: readonly Directive[], { unit }: ImageUnit): Directive[] {
  return directives.filter(([key]) => getValue(unit, { section: SERVICE, key }) === undefined);
}

export interface OwnCommand {
  key: string;
  value: string;
}

/** The Exec lines that run something else than the container itself. */
export function ownCommands({ unit }: Pick<ImageUnit, "unit">, execStart: string): OwnCommand[] {
  return unit.sections
    .filter(({ name }) => name === SERVICE)
    .flatMap(({ entries }) => entries)
    .filter(({ key, value }) => key.startsWith("Exec") && value !== "")
    .filter(({ key, value }) => !(key === "ExecStart" && value.replace(/^[-:]+/, "") === execStart));
}

/**
 * What berth's drop-in says beside what it says for a unit of its own, so that the image's works under this runtime.
 * @throws Failure RUNTIME_UNSUPPORTED for commands that would run in the image instead of on the host, unless `lossy`.
 */
export function fitUnit(
  image: ImageUnit,
  {
    runtime,
    execStart,
    notify,
    lossy,
  }: { runtime: Runtime; execStart: string; notify: boolean; lossy: boolean },
): { directives: Directive[]; lost: string[]; notes: string[] } {
  const type = getValue(image.unit, { section: SERVICE, key: "Type" });
  const directives: Directive[] = [];
  const notes: string[] = [];
  if (type === "forking") {
    directives.push(["Type", "simple"]);
    notes.push("its unit says Type=forking; the container stays in the foreground, so Type=simple holds");
  } else if (notify !== image.notify) directives.push(["Type", notify ? "notify" : "exec"]);
  if (runtime.kind === "oci") return { directives, lost: [], notes };
  // A directory of the host's, which means another one below RootDirectory=.
  directives.push(["WorkingDirectory", "/"]);
  const own = ownCommands(image, execStart);
  const keys = [...new Set(own.map(({ key }) => key))];
  if (keys.length > 0 && !lossy) {
    throw new Failure(
      "RUNTIME_UNSUPPORTED",
      `the runtime ${formatRuntime(runtime)} cannot run the commands of the image's own unit: ${keys.join(", ")}`,
      { hint: "install it with an OCI runtime, or go without them with --runtime-lossy" },
    );
  }
  directives.push(...keys.map((key) => [key, ""] as const));
  if (keys.includes("ExecStart")) directives.push(["ExecStart", execStart]);
  return { directives, lost: keys.map((key) => `the unit's own ${key}=`), notes };
}
