/** Atomic's spellings of berth's verbs: declarations only. A verb of berth that has no line here is the same as `atomic`. */
import type { OptionSpec } from "../command.ts";
import type { Spelling } from "./spelling.ts";

export const storage: OptionSpec = { flags: "--storage <storage>", description: "ostree: berth's own store" };
const force: OptionSpec = { flags: "-f, --force", description: "accepted: nothing needs it" };
const display: OptionSpec = { flags: "--display", description: "only show what would be done" };
const all: OptionSpec = { flags: "-a, --all", description: "all of them" };

const listing: readonly OptionSpec[] = [
  { flags: "-n, --noheading", description: "without the titles" },
  { flags: "--no-trunc", description: "cut no column" },
];

const install: Spelling = {
  name: "install",
  verb: "install",
  summary: "Install an image as a service and enable it",
  options: [
    { flags: "--system", description: "accepted: it is always a service of the system" },
    { flags: "--user", description: "refused: berth installs for the system" },
    display,
    storage,
    {
      flags: "--system-package <mode>",
      description: "auto, no: host files are berth's to keep account of; build and yes are refused",
    },
  ],
  examples: [
    {
      command: "atomic install --system --name=etcd --set=PORT=2379 registry.example.com/etcd",
      text: "then: systemctl start etcd",
    },
    { command: "atomic install --system docker:etcd:latest", text: "an image of the local engine" },
  ],
  load: () => import("./install.ts"),
};

const uninstall: Spelling = {
  name: "uninstall",
  verb: "uninstall",
  options: [
    { flags: "-n, --name <name>", description: "refused: the name is the operand" },
    { ...force, description: "also when others require it" },
    display,
    storage,
  ],
  examples: [{ command: "atomic uninstall etcd", text: "its data stays" }],
  load: () => import("./delete-containers.ts"),
};

const containersDelete: Spelling = {
  name: "containers delete",
  verb: "uninstall",
  summary: "Uninstall containers, after a question",
  arguments: ["[names...]"],
  options: [all, { ...force, description: "also when others require it" }, storage],
  exitStatuses: { REQUIRED: 2 },
  examples: [{ command: "atomic -y containers delete etcd", text: "without the question" }],
  load: () => import("./delete-containers.ts"),
};

const containersList: Spelling = {
  name: "containers list",
  aliases: ["ps", "list"],
  verb: "list",
  summary: "List the containers that run, or have failed",
  options: [
    { ...all, description: "those that are stopped, too" },
    {
      flags: "-f, --filter <name=text>",
      kind: "list",
      description: "only those whose container, image, command, created, state, runtime or backend holds it",
    },
    ...listing,
  ],
  quietBeatsJson: true,
  examples: [{ command: "atomic containers list --all --json", text: "for a program" }],
  load: () => import("./list.ts"),
};

const updating: Pick<Spelling, "verb" | "arguments" | "load"> = {
  verb: "update",
  arguments: ["[names...]"],
  load: () => import("./update.ts"),
};

const containersUpdate: Spelling = {
  ...updating,
  name: "containers update",
  aliases: ["update"],
  summary: "Update services to the image that the store has, or to other values",
  options: [{ ...all, description: "every container that is not held" }],
  examples: [
    { command: "atomic images update etcd", text: "first, what the registry has" },
    { command: "atomic containers update --set=PORT=2380 etcd", text: "then the service" },
  ],
};

const containersRollback: Spelling = {
  name: "containers rollback",
  aliases: ["rollback"],
  verb: "rollback",
  options: [],
  examples: [{ command: "atomic containers rollback etcd", text: "twice returns" }],
  load: () => import("./rollback.ts"),
};

const imagesList: Spelling = {
  name: "images list",
  aliases: ["images"],
  verb: "images",
  options: [
    { ...all, description: "the layers too, which have no name" },
    {
      flags: "-f, --filter <name=text>",
      kind: "list",
      description: "only those whose repo, tag, id, image, created, size, type or is_dangling holds it",
    },
    ...listing,
    storage,
  ],
  quietBeatsJson: true,
  examples: [{ command: "atomic images list --filter repo=etcd", text: "> marks what a container has" }],
  load: () => import("./images.ts"),
};

const imagesDelete: Spelling = {
  name: "images delete",
  verb: "rmi",
  summary: "Remove names of images, after a question",
  arguments: ["[images...]"],
  options: [all, force, { flags: "--remote", description: "refused: see `berth delete`" }, storage],
  exitStatuses: { REQUIRED: 2 },
  examples: [{ command: "atomic -y images delete etcd", text: "a name, or the start of an id" }],
  load: () => import("./delete-images.ts"),
};

const inspecting: Pick<Spelling, "verb" | "options" | "load"> = {
  verb: "inspect",
  options: [storage],
  load: () => import("./inspect.ts"),
};

const imagesInfo: Spelling = {
  ...inspecting,
  name: "images info",
  summary: "Show the labels of an image, and what its templates need",
  examples: [{ command: "atomic images info etcd", text: "which values --set can give" }],
};

const info: Spelling = { ...imagesInfo, name: "info" };

const imagesPrune: Spelling = {
  name: "images prune",
  verb: "prune",
  options: [],
  examples: [{ command: "atomic images prune", text: "after images delete" }],
  load: () => import("./plain.ts"),
};

const imagesTag: Spelling = {
  name: "images tag",
  verb: "tag",
  options: [storage],
  examples: [{ command: "atomic images tag etcd:latest etcd:good", text: "one more name" }],
  load: () => import("./plain.ts"),
};

const pull: Spelling = {
  name: "pull",
  verb: "pull",
  options: [
    storage,
    { flags: "--src-creds <user>", description: "refused: see `berth login`", hidden: true },
    { flags: "-t, --type <type>", description: "atomic", hidden: true },
  ],
  examples: [
    { command: "atomic pull --storage ostree registry.example.com/etcd", text: "from a registry" },
    { command: "atomic pull dockertar:/srv/etcd.tar", text: "under the name that it has inside" },
  ],
  load: () => import("./pull.ts"),
};

const run: Spelling = {
  name: "run",
  verb: "run",
  summary: "Run a command in a container; without one, start its service",
  options: [
    storage,
    display,
    { flags: "-d, --detach", description: "refused", hidden: true },
    { flags: "-r, --replace", description: "refused", hidden: true },
    { flags: "--spc", description: "refused", hidden: true },
  ],
  examples: [
    { command: "atomic run etcd", text: "start it" },
    { command: "atomic run etcd etcdctl endpoint health", text: "its exit status is the command's own" },
  ],
  load: () => import("./run.ts"),
};

const stop: Spelling = {
  name: "stop",
  verb: "stop",
  options: [display],
  examples: [{ command: "atomic stop etcd", text: "it starts again at the next boot" }],
  load: () => import("./stop.ts"),
};

const mount: Spelling = {
  name: "mount",
  verb: "mount",
  options: [{ ...storage, description: "ostree: berth's own store, not an engine's image of that name" }],
  examples: [
    { command: "atomic mount --storage ostree etcd /mnt", text: "what is in the image" },
    { command: "atomic umount /mnt", text: "and it is gone" },
  ],
  load: () => import("./mount.ts"),
};

export const spellings: readonly Spelling[] = [
  install,
  uninstall,
  containersList,
  containersDelete,
  containersUpdate,
  containersRollback,
  imagesList,
  imagesDelete,
  imagesInfo,
  info,
  imagesPrune,
  imagesTag,
  pull,
  run,
  stop,
  mount,
];
