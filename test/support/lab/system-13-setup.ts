/** vitest's global set-up of the project system-13: what speaks to systemd, on the systemd of Debian 13. */
import type { TestProject } from "vitest/node";
import { bootMachine } from "./boot.ts";
import { startRegistry } from "./registry.ts";

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const booted = await bootMachine({ suite: "trixie" });
  await startRegistry(booted.machine);
  project.provide("machineDir", booted.machine.dir);
  return () => booted.stop();
}
