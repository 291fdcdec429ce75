import { resolve } from "node:path";
import { hostAccessLines } from "../deploy/host-access.ts";
import { install as apply, dryRun, type Ran } from "../deploy/install.ts";
import { installNotes } from "../deploy/install-notes.ts";
import type { Plan } from "../deploy/plan.ts";
import type { InstallRequest } from "../deploy/request.ts";
import { withHost } from "../host.ts";
import { fields, line, type View, verbatim } from "../view.ts";
import type { Context } from "./command.ts";
import { fileNotes } from "./file-notes.ts";
import { viewNotes } from "./notes.ts";
import type { InstallOptions } from "./options.ts";
import { runningRequest } from "./running-request.ts";
import { sandboxRequest } from "./sandbox-request.ts";

export interface InstallResult {
  dryRun: boolean;
  started: boolean;
  plan: Plan;
  /** What became, or would become, of the image's files on the host, a line each. */
  files: string[];
  /** What the admin should know of it. */
  notes: string[];
}

export async function run(
  context: Context,
  args: string[],
  options: InstallOptions,
): Promise<InstallResult | Ran> {
  const request = await requestOf(args, options, context);
  return withHost(context, async (host) => {
    const plan = options.dryRun ? await dryRun(host, request) : await apply(host, request);
    if ("status" in plan) return plan;
    const notes = await installNotes(host, plan, request);
    const files = fileNotes(plan.foreseen, context.personality);
    const started = plan.start && !options.dryRun && !host.offline;
    return { dryRun: options.dryRun, started, plan, files, notes };
  });
}

/** Of what ran once, what it wrote is seen. */
export function view(result: InstallResult | Ran): View {
  return "status" in result ? [] : viewInstalled(result);
}

export function exitStatus(result: InstallResult | Ran): number {
  return "status" in result ? result.status : 0;
}

function viewInstalled({ dryRun: dry, started, plan, files, notes }: InstallResult): View {
  if (!dry) {
    const rest = plan.service ? "is installed and not started" : "is installed and has no service";
    const done = started ? "is running" : rest;
    return [
      ...files.map((text) => line(text)),
      line({ text: plan.name, tone: "strong" }, ` ${done} (deployment ${plan.deployment}, ${plan.runtime})`),
      ...viewNotes(notes),
    ];
  }
  return [
    line("Nothing is changed. An install would make:"),
    fields([
      ["container", { text: plan.name, tone: "strong" }],
      ["image", plan.image],
      ["digest", plan.digest],
      ["deployment", String(plan.deployment)],
      ["runtime", plan.runtime],
      ["command", plan.command.join(" ")],
      ["root", plan.rootfs],
      ["host files", plan.hostFiles.map(({ path }) => path)],
      ["image's files", plan.foreseen.map(({ path, outcome }) => `${path} (${FORESEEN[outcome]})`)],
      ["state", plan.state.map(({ path, uid, gid, mode }) => `${path} (${uid}:${gid}, ${mode})`)],
      ["host access", hostAccessLines(plan.hostAccess)],
      ["start", plan.start ? "yes" : "no"],
      ["enable", plan.enable ? "yes" : "no"],
    ]),
    ...viewNotes(notes),
    // What holds values (config.json, the environment, info) is for root's eyes in the deployment alone.
    ...plan.files
      .filter(({ mode }) => mode === 0o644)
      .flatMap(({ name, text }) => [line(""), verbatim(text.trimEnd().split("\n"), name)]),
  ];
}

/** What an install would do with a file of the image's. */
const FORESEEN: Record<Plan["foreseen"][number]["outcome"], string> = {
  ...{ created: "new", replaced: "replaced", unchanged: "as it is", shared: "there already, the same" },
  ...{ skipped: "there already, another: it stays", edited: "edited: it stays" },
  ...{ deleted: "removed by hand: it stays away", removed: "removed", left: "stays, and is not berth's" },
};

async function requestOf(
  [image = ""]: string[],
  options: InstallOptions,
  { personality }: Context,
): Promise<InstallRequest> {
  const { after, before, requires, wants, partOf } = options;
  return {
    image,
    ...(await sandboxRequest(options)),
    ...(options.adoptState ? { adoptState: true } : {}),
    ...(options.replaceUnit ? { replaceUnit: true } : {}),
    ...runningRequest(options),
    order: { after, before, requires, wants, partOf },
    wantedBy: options.wantedBy,
    ...(options.rootfs === undefined ? {} : { rootfs: resolve(options.rootfs) }),
    start: options.start,
    // Atomic leaves what is there, without a word for it that anybody gives.
    keepHostFiles: options.keepHostFiles || personality === "atomic",
    autoUpdate: options.autoUpdate,
  };
}
