/** `npm test`: sets up what is missing, then everything scripts/run-tests.ts does. */
import { ensurePackages, runTypeScript, setup, VM_TOOLS } from "./setup.mjs";

setup();
if (process.env.BERTH_LONG === "1") ensurePackages(VM_TOOLS);
process.exitCode = await runTypeScript("scripts/run-tests.ts", process.argv.slice(2));
