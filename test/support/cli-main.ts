/** The command berth with the verbs of the tests, as a process. */
import { main } from "../../src/cli.ts";
import { testVerbs } from "./cli.ts";

main({ verbs: testVerbs });
