/** `npm run bench`: sets up what is missing, the tools that berth is compared with too, then test/bench/main.ts. */
import { ensurePackages, runTypeScript, setup } from "./setup.mjs";

setup();
ensurePackages([
  ["podman", "podman"],
  ["skopeo", "skopeo"],
  ["umoci", "umoci"],
  ["ostree", "ostree"],
  ["time", "time"],
]);
process.exitCode = await runTypeScript("test/bench/main.ts", process.argv.slice(2));
