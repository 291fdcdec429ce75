/** An image that runs once: in a checkout of its own, from which nothing is left. No unit file, no name, no state. */
import { join } from "node:path";
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import { containerNameOf, parseReference } from "../oci/reference.ts";
import { loadTemplates } from "../render/templates.ts";
import { runTool } from "../systemd/run-tool.ts";
import { createTmpfiles, removeTmpfiles } from "../systemd/tmpfiles.ts";
import type { AcceptedImage } from "./accept.ts";
import { refuseHostAccess } from "./host-access.ts";
import { removeEmpty } from "./host-files.ts";
import { basisOf, type Planned } from "./make-plan.ts";
import { checkName } from "./name.ts";
import { missingPaths, observe } from "./observe.ts";
import { type Plan, planDeployment } from "./plan.ts";
import { findOrPull } from "./pull.ts";
import type { InstallRequest } from "./request.ts";
import { runOnce } from "./run-once.ts";
import { type Scratch, withScratch } from "./scratch.ts";
import { fill } from "./stage.ts";
import { overlayOptions } from "./writable-root.ts";

/** An image says with this label, set to `once`, that it is no service: an install runs it and is done. */
const RUN_LABEL = "atomic.run";

export function isRunOnce({ image }: Pick<AcceptedImage, "image">): boolean {
  return image.config.config.labels[RUN_LABEL] === "once";
}

/** Pulls the image where it is missing. Gives the exit status of `command`, or where that is empty of the image's own. */
export async function runImage(
  host: Host,
  request: InstallRequest,
  command: readonly string[],
): Promise<number> {
  return runAccepted(host, request, { image: await findOrPull(host, request), command });
}

export async function runAccepted(
  host: Host,
  request: InstallRequest,
  { image, command }: { image: AcceptedImage; command: readonly string[] },
): Promise<number> {
  const name = checkName(request.name ?? containerNameOf(parseReference(request.image)));
  return withScratch(host, name, async (scratch) => {
    const { plan, tree } = await planRun(host, { name, request, image, command, scratch });
    host.report({ type: "step", step: "checkout", name });
    await fill(host, plan, { dir: scratch.dir, tree });
    if (plan.directories.length > 0) await mountOverlay(scratch.dir, plan.rootfs);
    const argv = command.length > 0 ? command : plan.command;
    const sandbox = { name, dir: scratch.dir, runtime: plan.runtime };
    return withDirectories(host, plan, {
      dir: scratch.dir,
      use: () => runOnce(host, sandbox, { command: argv, scratch }),
    });
  });
}

async function planRun(
  host: Host,
  {
    name,
    request,
    image,
    command,
    scratch,
  }: {
    name: string;
    request: InstallRequest;
    image: AcceptedImage;
    command: readonly string[];
    scratch: Scratch;
  },
): Promise<Planned> {
  const basis = await basisOf(host, { request, image });
  const seen = await observe(host, { name, request, image, ...basis, number: 0, replaces: undefined });
  const { config } = seen.image;
  const hasProgram = config.entrypoint.length + config.cmd.length > 0;
  const facts = {
    ...seen,
    dir: scratch.dir,
    // What it would keep goes with its root.
    image: {
      ...seen.image,
      config: { ...config, volumes: [], entrypoint: hasProgram ? config.entrypoint : command.slice(0, 1) },
    },
  };
  const render = await loadTemplates(host.config.templatesDirectory);
  const own = facts.exports?.config ?? facts.exports?.configTemplate;
  const once: InstallRequest = {
    ...request,
    // Nobody listens for its readiness.
    notify: false,
    health: { off: true },
    // What it writes is discarded with it; an image's own configuration, or the text that becomes it, says whether it may.
    ...(own === undefined || !/"readonly"\s*:\s*true/.test(own) ? { writable: "keep" } : {}),
  };
  const plan = planDeployment(name, once, { facts, render });
  if (!plan.service)
    throw new Failure("CONFIG_INVALID", `${image.name} starts nothing: it only brings files for the host`);
  // Its unit and its host files are not used.
  const asked = plan.hostAccess.filter(({ kind }) => !["file", "command", "setting"].includes(kind));
  refuseHostAccess(asked, { image: plan.image, allowed: host.config.hostAccess });
  if (plan.files.some((file) => file.name.startsWith("sysusers-"))) {
    throw new Failure(
      "RUNTIME_UNSUPPORTED",
      "this host has no account of the number that the image runs as",
      {
        hint: "run it with --runtime runc or --runtime crun, which need none",
      },
    );
  }
  // Of what would be volumes there are directories at least.
  const volumes = config.volumes.map((path) => ({ path, type: "dir" as const }));
  return { plan: { ...plan, mountTargets: [...plan.mountTargets, ...volumes] }, tree: basis.tree };
}

/** In this mount namespace, which is the host's; what runs sees it as it sees the host's other mounts. */
async function mountOverlay(dir: string, lower: string | undefined): Promise<void> {
  const args = ["-t", "overlay", "-o", overlayOptions(dir, lower), "overlay", join(dir, "root")];
  const { exitCode, stderr } = await runTool("mount", args);
  if (exitCode !== 0)
    throw new Failure("CONFIG_INVALID", `no overlay can be mounted in ${dir}: ${stderr.trim()}`);
}

/** What it binds of the host and the host lacks, and what the image's own lines make, is there for the run. */
async function withDirectories<T>(
  host: Host,
  plan: Plan,
  { dir, use }: { dir: string; use: () => Promise<T> },
): Promise<T> {
  const file = plan.files.find(({ name }) => name.startsWith("tmpfiles-"));
  if (file === undefined) return use();
  const path = join(dir, file.name);
  const named = [...file.text.matchAll(/^[dD][!+=-]*\s+"?([^\s"]+)/gm)].map(
    ([, directory = ""]) => directory,
  );
  const made = await missingPaths(host, named);
  await createTmpfiles(path);
  try {
    return await use();
  } finally {
    // What was there before may be in use: an installed container of the same image has the same directories.
    await removeTmpfiles(path, { only: made });
    for (const directory of made.sort().reverse()) await removeEmpty(directory);
  }
}
