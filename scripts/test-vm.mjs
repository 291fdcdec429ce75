/** `npm run test:vm`: sets up what is missing, qemu too, then the tests in a virtual machine. Arguments go to vitest. */
import { ensurePackages, runTypeScript, setup, VM_TOOLS } from "./setup.mjs";

setup();
ensurePackages(VM_TOOLS);
const vitest = ["run", "--project", "vm", ...process.argv.slice(2)];
process.exitCode = await runTypeScript("node_modules/vitest/vitest.mjs", vitest);
