/**
 * `npm run demo`: the main job of berth on real input, as a sysadmin would type it: in a throw-away machine with a real systemd, or, where
 * none can boot, as far as it goes without. Ends with status 1 when an answer is not what it should be.
 */
import { styleText } from "node:util";
import { type BootedMachine, bootMachine, CannotBoot } from "../test/support/lab/boot.ts";
import { interruption } from "../test/support/lab/tool.ts";
import { demonstrateOffline } from "./demo-offline.ts";
import { demonstrateOnline } from "./demo-online.ts";

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => interruption.abort());

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    await demonstrate();
    return 0;
  } catch (error) {
    if (interruption.signal.aborted) {
      process.stderr.write("\ndemo: interrupted; its machine and its mounts are gone\n");
      return 130;
    }
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`\n${styleText("red", "demo failed:")} ${reason}\n`);
    return 1;
  }
}

async function demonstrate(): Promise<void> {
  process.stdout.write(
    "demo: booting a throw-away Debian (the first time its tree and its images are made: a minute)\n",
  );
  let booted: BootedMachine;
  try {
    booted = await bootMachine();
  } catch (error) {
    if (!(error instanceof CannotBoot)) throw error;
    process.stdout.write(`demo: no machine can boot here: ${error.message}\n`);
    return demonstrateOffline();
  }
  try {
    await demonstrateOnline(booted.machine);
  } finally {
    await booted.stop();
  }
}
