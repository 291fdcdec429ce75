/** `npm test`: sets up what is missing, then everything scripts/run-tests.ts does. */
import { runTypeScript, setup } from "./setup.mjs";

setup();
process.exitCode = await runTypeScript("scripts/run-tests.ts", process.argv.slice(2));
