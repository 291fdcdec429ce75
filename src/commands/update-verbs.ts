/** The verbs of deployments and their succession: declarations only, as in verbs.ts. */
import type { OptionSpec, Verb } from "./command.ts";

const watching: OptionSpec = {
  flags: "--watch <seconds>",
  kind: "number",
  default: 10,
  description: "how long the service must stay up, or all is as it was",
};

const update: Verb = {
  name: "update",
  summary: "Update services to newer images or other values, and go back when they do not stay up",
  arguments: ["[names...]"],
  options: [
    { flags: "--all", description: "every container that is not held; one failure does not stop the others" },
    { flags: "--auto", description: "those with automatic updates, as the timer does" },
    { flags: "--set <name=value>", kind: "pairs", description: "a value for the image's templates" },
    { flags: "--values <file>", description: "values from a file, JSON or YAML; --set comes before it" },
    { flags: "--unset <name>", kind: "list", description: "a value that was set before" },
    { flags: "--rebase <image>", description: "another image than the one it has" },
    {
      flags: "--keep-host-files",
      description: "where a file of the host is in the way of one of the image's, leave it and do without",
    },
    { flags: "--no-pull", description: "take the image that the store has, without asking the registry" },
    watching,
    { flags: "--dry-run", description: "pull, then show what an update would change" },
    { flags: "--stage-only", description: "make the new deployment and leave the service as it is" },
    { flags: "--apply", description: "switch to the deployment that was staged before" },
  ],
  examples: [
    { command: "berth update etcd", text: "pull, stage, restart, watch for ten seconds" },
    { command: "berth update --all --watch 30", text: "everything, with a longer look at each" },
  ],
  load: () => import("./update.ts"),
};

const rollback: Verb = {
  name: "rollback",
  summary: "Go back to the deployment that was current before; needs no network",
  arguments: ["<name>"],
  options: [{ flags: "--to <number>", kind: "number", description: "a certain deployment" }, watching],
  examples: [{ command: "berth rollback etcd", text: "twice returns" }],
  load: () => import("./rollback.ts"),
};

const history: Verb = {
  name: "history",
  summary: "List the deployments of a container, or what was done to it",
  arguments: ["<name>"],
  options: [{ flags: "--events", description: "from the journal: each change and its steps, oldest first" }],
  examples: [
    { command: "berth history etcd", text: "which is current, which was before, which are pinned" },
    { command: "berth history --events etcd", text: "who changed it when, and how that ended" },
  ],
  load: () => import("./history.ts"),
};

const pin: Verb = {
  name: "pin",
  summary: "Keep a deployment, by default the current one, until it is unpinned",
  arguments: ["<name>", "[deployment]"],
  options: [],
  examples: [{ command: "berth pin etcd", text: "the deployment that runs now" }],
  load: () => import("./pin.ts"),
};

const unpin: Verb = {
  name: "unpin",
  summary: "Keep a deployment no longer than others",
  arguments: ["<name>", "[deployment]"],
  options: [],
  examples: [{ command: "berth unpin etcd 0", text: "it goes with the next update that needs the room" }],
  load: () => import("./unpin.ts"),
};

const diff: Verb = {
  name: "diff",
  summary: "Show what differs between two deployments of a container",
  arguments: ["<name>", "[a]", "[b]"],
  options: [],
  examples: [{ command: "berth diff etcd", text: "from the previous one to the current one" }],
  load: () => import("./diff.ts"),
};

const outdated: Verb = {
  name: "outdated",
  summary: "List the containers whose image is newer where it came from",
  arguments: ["[names...]"],
  options: [{ flags: "--all", description: "those that are up to date too" }],
  examples: [{ command: "berth outdated", text: "asks the registries, fetches no layer" }],
  load: () => import("./outdated.ts"),
};

const autoUpdate: Verb = {
  name: "auto-update",
  summary: "Have services updated by the timer, or no longer",
  arguments: ["<names...>"],
  options: [{ flags: "--off", description: "no longer" }],
  examples: [
    { command: "berth auto-update web", text: "once berth-update.timer is enabled" },
    { command: "berth auto-update --off web", text: "only by hand from now on" },
  ],
  load: () => import("./auto-update.ts"),
};

const hold: Verb = {
  name: "hold",
  summary: "Keep containers from being updated together with others",
  arguments: ["<names...>"],
  options: [],
  examples: [{ command: "berth hold etcd", text: "`update --all` and `update --auto` pass it over" }],
  load: () => import("./hold.ts"),
};

const unhold: Verb = {
  name: "unhold",
  summary: "Let containers be updated together with others again",
  arguments: ["<names...>"],
  options: [],
  examples: [{ command: "berth unhold etcd", text: "as before" }],
  load: () => import("./unhold.ts"),
};

export const updateVerbs: readonly Verb[] = [
  update,
  rollback,
  history,
  diff,
  pin,
  unpin,
  outdated,
  autoUpdate,
  hold,
  unhold,
];
