/** The verbs of the store: declarations only, as in verbs.ts. */
import type { Verb } from "./command.ts";

const verify: Verb = {
  name: "verify",
  summary: "Check the store and the deployments (exit status 1: something is damaged)",
  arguments: ["[names...]"],
  options: [
    { flags: "--repair", description: "fetch again what is damaged, and link it anew where it is in use" },
    { flags: "--rate <size>", description: "read at most this much a second, such as 50M" },
    { flags: "--jobs <count>", kind: "number", description: "how many threads read (default: at most 4)" },
  ],
  examples: [
    { command: "berth verify", text: "everything: names, images, layers, objects, deployments" },
    { command: "berth verify --rate 20M etcd", text: "one container and its image, slowly" },
    { command: "berth verify --repair", text: "put right what is damaged, while services run" },
  ],
  load: () => import("./verify.ts"),
};

const prune: Verb = {
  name: "prune",
  summary: "Drop from the store what no name and no deployment refers to",
  arguments: [],
  options: [
    { flags: "--dry-run", description: "only say what would go" },
    { flags: "--grace <duration>", description: "keep what came less than this ago, such as 12h or 7d" },
  ],
  examples: [
    { command: "berth prune --dry-run", text: "how much would be freed" },
    { command: "berth prune --grace 7d", text: "for a timer: what was not needed for a week" },
  ],
  load: () => import("./prune.ts"),
};

const df: Verb = {
  name: "df",
  summary: "Show where the space of the store and the deployments goes",
  arguments: [],
  options: [],
  examples: [{ command: "berth df", text: "what is shared, what is not, what a prune would free" }],
  load: () => import("./df.ts"),
};

const share: Verb = {
  name: "share",
  summary: "Put an image into a store for other hosts, which read it in place of pulling",
  arguments: ["<image>", "<directory>"],
  options: [
    {
      flags: "--no-checkout",
      description: "without a checkout that others can run in place: they copy its files",
    },
  ],
  examples: [
    {
      command: "berth share etcd /srv/images",
      text: 'then mount /srv/images read-only elsewhere and name it there: additional_stores = ["/srv/images"]',
    },
  ],
  load: () => import("./share.ts"),
};

const owns: Verb = {
  name: "owns",
  summary: "Say which container a file of the host belongs to (exit status 1: none)",
  arguments: ["<path>"],
  options: [],
  examples: [{ command: "berth owns /etc/etcd/etcd.conf", text: "whose it is, and whether it was edited" }],
  load: () => import("./owns.ts"),
};

export const storeVerbs: readonly Verb[] = [verify, prune, df, share, owns];
