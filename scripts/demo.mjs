/** `npm run demo`: sets up what is missing, then shows berth at work (scripts/demo.ts). */
import { runTypeScript, setup } from "./setup.mjs";

setup();
process.exitCode = await runTypeScript("scripts/demo.ts", process.argv.slice(2));
