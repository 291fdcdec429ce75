/** Boots throw-away machines in systemd-nspawn. */

import type { ChildProcess } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { labFile, projectDir } from "./cache.ts";
import type { Suite } from "./debian.ts";
import { imageLayouts } from "./images.ts";
import {
  type BootedMachine,
  CannotBoot,
  type Hull,
  Keeper,
  newMachineDir,
  requirePrograms,
} from "./keeper.ts";
import { imagesInside, Machine, projectInside } from "./machine.ts";
import { machineTree } from "./tree.ts";

export { type BootedMachine, CannotBoot };

/** What systemd-nspawn exits with when the machine asks for a reboot. */
const rebootStatus = 133;

export interface BootOptions {
  /** What it boots from, read only; default: the laboratory's own tree, with berth installed as `npm run install-host` does. */
  tree?: string;
  /** Of the laboratory's own trees: which Debian. */
  suite?: Suite;
}

/**
 * Makes the tree and the images unless they are cached, and boots.
 *
 * @throws CannotBoot with a plain reason where the host does not allow it.
 */
export async function bootMachine(options: BootOptions = {}): Promise<BootedMachine> {
  await checkHost();
  const images = await imageLayouts();
  const tree = options.tree ?? join(await machineTree(options.suite), "root");
  const booted = new Keeper(nspawnHull({ dir: await makeMachineDir(tree), tree, images }));
  try {
    await booted.start();
    if (options.tree === undefined) await installBerth(booted.machine);
    return booted;
  } catch (error) {
    await booted.stop();
    throw error;
  }
}

async function checkHost(): Promise<void> {
  await requirePrograms(["systemd-nspawn", "mmdebstrap", "unshare", "setpriv", "nsenter", "umoci"]);
  const { failed, stderr } = await execa(
    "unshare",
    ["--mount", "--propagation=private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
    {
      reject: false,
    },
  );
  if (failed) throw new CannotBoot(`this host does not let root mount file systems (${stderr.trim()})`);
}

async function makeMachineDir(tree: string): Promise<string> {
  const { dir, machineId } = await newMachineDir();
  for (const name of ["root", "upper/etc", "work"]) await mkdir(join(dir, name), { recursive: true });
  await writeFile(join(dir, "upper/etc/machine-id"), `${machineId}\n`);
  await execa("cp", ["-a", join(tree, "var"), join(dir, "var")]);
  return dir;
}

interface Place {
  dir: string;
  tree: string;
  images: string;
}

function nspawnHull({ dir, tree, images }: Place): Hull {
  return {
    machine: new Machine(dir),
    program: "systemd-nspawn",
    bootSeconds: 60,
    command: async () => [
      ...["unshare", "--mount", "--propagation=private", "sh", labFile("boot.sh"), dir, tree],
      ...[`--machine=berth-${dir.split("-").at(-1)}`, `--bind-ro=${projectDir}:${projectInside}:norbind`],
      `--bind-ro=${images}:${imagesInside}`,
    ],
    findInit: initOf,
    isReboot: (status) => status === rebootStatus,
    cleanUp: () => removeCgroups(dir),
  };
}

/** Those that boot.sh made, with what the machine made below them. */
async function removeCgroups(dir: string): Promise<void> {
  const list = await readFile(join(dir, "cgroups"), "utf8").catch(() => "");
  for (const cgroup of list.split("\n").filter(Boolean))
    await execa("find", [cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], { reject: false });
}

/** The machine's init: the child of nspawn that has become systemd. */
async function initOf({ pid: nspawn }: ChildProcess): Promise<number | undefined> {
  const children = await readFile(`/proc/${nspawn}/task/${nspawn}/children`, "utf8").catch(() => "");
  for (const pid of children.trim().split(" ").filter(Boolean)) {
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    if (name.trim() === "systemd") return Number(pid);
  }
  return undefined;
}

/** Puts berth on the machine as a sysadmin would. */
async function installBerth(machine: Machine): Promise<void> {
  const { exitCode, stderr } = await machine.node("scripts/install-host.mjs");
  if (exitCode !== 0) throw new Error(`scripts/install-host.mjs failed in the machine: ${stderr}`);
}
