/** What is installed: the NAME links of the containers directory and the deployments they name. */
import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Layout } from "../store/layout.ts";
import { type Info, readInfo } from "./info.ts";
import { deploymentOf } from "./name.ts";

export interface Container {
  name: string;
  unit: string;
  /** The current deployment. */
  deployment: number;
  dir: string;
  info: Info;
}

/** Names with a current deployment, sorted. */
export async function containerNames(layout: Layout): Promise<string[]> {
  const entries = await entriesOf(layout.containers);
  return entries
    .filter((entry) => entry.isSymbolicLink() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();
}

/** @throws Failure NOT_INSTALLED, and STORE_CORRUPT for one whose record cannot be read. */
export async function findContainer({ layout }: Host, name: string): Promise<Container> {
  const number = await currentDeployment(layout, name);
  if (number === undefined) {
    throw new Failure("NOT_INSTALLED", `no container ${JSON.stringify(name)} is installed`, {
      hint: "berth list shows what is installed",
    });
  }
  const dir = layout.deployment(name, number);
  return { name, unit: `${name}.service`, deployment: number, dir, info: await readInfo(dir) };
}

/** @throws Failure USAGE for a container that brings files for the host alone. */
export function requireService({ name, info }: Container): void {
  if (info["has-container-service"] !== false) return;
  throw new Failure("USAGE", `${name} has no service: its image brings files for the host alone`);
}

/** The number of the deployment that the link NAME names; undefined where there is no link. */
export async function currentDeployment(layout: Layout, name: string): Promise<number | undefined> {
  let target: string;
  try {
    target = await readlink(layout.container(name));
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "EINVAL")) return undefined;
    throw asUnreadable(error, layout.containers);
  }
  const deployment = deploymentOf(target);
  if (deployment?.name !== name) {
    throw new Failure(
      "STORE_CORRUPT",
      `${layout.container(name)} names ${target}, which is no deployment of it`,
    );
  }
  return deployment.number;
}

/** The numbers of the deployments of `name`, ascending; staged ones are not counted. */
export async function deploymentsOf(layout: Layout, name: string): Promise<number[]> {
  const entries = await entriesOf(layout.containers);
  return entries
    .flatMap((entry) => {
      const deployment = deploymentOf(entry.name);
      return deployment?.name === name && !deployment.staged && entry.isDirectory()
        ? [deployment.number]
        : [];
    })
    .sort((a, b) => a - b);
}

/** Directories that an interrupted command left behind for `name`: NAME.N.tmp and NAME.N.old. */
export async function leftoversOf(layout: Layout, name: string): Promise<string[]> {
  const entries = await entriesOf(layout.containers);
  return entries
    .filter((entry) => {
      const deployment = deploymentOf(entry.name);
      return deployment?.name === name && deployment.staged;
    })
    .map((entry) => join(layout.containers, entry.name));
}

async function entriesOf(directory: string): ReturnType<typeof readDirectory> {
  try {
    return await readDirectory(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw asUnreadable(error, directory);
  }
}

function asUnreadable(cause: unknown, directory: string): unknown {
  if (isErrno(cause, "EACCES"))
    return new Failure("NOT_ROOT", `${directory} can be read by root alone`, {
      cause,
      hint: "run the command with sudo",
    });
  if (isErrno(cause, "ENOTDIR"))
    return new Failure("USAGE", `${directory} cannot be a directory of berth's: a file is in its way`, {
      cause,
      hint: "correct --state, BERTH_STATE or `state` in berth.toml",
    });
  return cause;
}

function readDirectory(directory: string) {
  return readdir(directory, { withFileTypes: true });
}
