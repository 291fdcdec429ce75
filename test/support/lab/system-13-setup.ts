/** vitest's global set-up of the project system-13: what speaks to systemd, on the systemd of Debian 13. */
import type { TestProject } from "vitest/node";
import { bootMachine } from "./boot.ts";
import { startRegistry } from "./registry.ts";

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const booted = await bootMachine({ suite: "trixie" });
  // The first boot of a Debian 13 runs services that no later one does: the tests compare what is there before and after a reboot.
  await booted.machine.reboot();
  await startRegistry(booted.machine);
  project.provide("machineDir", booted.machine.dir);
  return () => booted.stop();
}
