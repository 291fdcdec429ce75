/** The command berth, as a process, from its sources. */
import { main } from "../../src/cli.ts";

main();
