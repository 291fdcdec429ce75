/**
 * vitest's global set-up of the system project: one booted machine with a filled registry, for all its test files. `npm test` has
 * booted it already and names it in BERTH_MACHINE; `vitest run --project system` alone boots its own.
 */
import type { TestProject } from "vitest/node";
import { bootMachine } from "./boot.ts";
import { startRegistry } from "./registry.ts";

declare module "vitest" {
  interface ProvidedContext {
    machineDir: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env["BERTH_MACHINE"];
  if (given) {
    project.provide("machineDir", given);
    return async () => {};
  }
  const booted = await bootMachine();
  await startRegistry(booted.machine);
  project.provide("machineDir", booted.machine.dir);
  return () => booted.stop();
}
