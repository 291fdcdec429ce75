/** The verb that takes over from Atomic: a declaration only, as in verbs.ts. */
import type { Verb } from "./command.ts";

export const adopt: Verb = {
  name: "adopt",
  summary: "Take over the system containers that Project Atomic installed, while they run",
  arguments: ["[names...]"],
  options: [
    { flags: "--from <dir>", description: "Atomic's checkouts (default: /var/lib/containers/atomic)" },
    { flags: "--dry-run", description: "only say what would be taken over" },
    { flags: "--undo", description: "give back what is not confirmed: Atomic has it again, as it was" },
    { flags: "--confirm", description: "remove what Atomic had; there is no way back then" },
  ],
  examples: [
    { command: "berth adopt --dry-run", text: "what Atomic has, and what can be adopted" },
    { command: "berth adopt etcd", text: "etcd runs on, and from berth's store after its next start" },
    { command: "berth adopt --confirm", text: "when all is well" },
  ],
  load: () => import("./adopt.ts"),
};
