/** The verbs of berth: declarations only, no code of theirs is loaded before one runs. In the order of `--help`. */
import { adopt } from "./adopt-verb.ts";
import type { OptionSpec, Verb } from "./command.ts";
import { imageVerbs } from "./image-verbs.ts";
import { mountVerbs } from "./mount-verbs.ts";
import { registryVerbs } from "./registry-verbs.ts";
import { running } from "./running.ts";
import { storeVerbs } from "./store-verbs.ts";
import { trustVerbs } from "./trust-verbs.ts";
import { updateVerbs } from "./update-verbs.ts";

const pulling: readonly OptionSpec[] = [
  {
    flags: "--platform <os/arch>",
    description: "of an image for several: the one for this platform (os/arch[/variant])",
  },
  { flags: "--authfile <file>", description: "credentials for registries, as `podman login` writes them" },
  {
    flags: "--tls-verify <bool>",
    kind: "boolean",
    description: "whether the registry must speak HTTPS with a known certificate",
  },
];

/** What the image is given, and what of the host it sees. */
const sandbox: readonly OptionSpec[] = [
  { flags: "--set <name=value>", kind: "pairs", description: "a value for the image's templates" },
  { flags: "--values <file>", description: "values from a file, JSON or YAML; --set comes before it" },
  { flags: "--env <name=value>", kind: "pairs", description: "a variable in the service's environment" },
  {
    flags: "--volume <host:container[:ro]>",
    kind: "list",
    description: "a directory or file of the host, seen at a path in the container",
  },
];

const ordering: readonly OptionSpec[] = [
  { flags: "--after <unit>", kind: "list", description: "start after this unit, and start it too" },
  { flags: "--before <unit>", kind: "list", description: "start before this unit" },
  {
    flags: "--requires <unit>",
    kind: "list",
    description: "start only with this unit and after it; stop and restart with it",
  },
  { flags: "--wants <unit>", kind: "list", description: "start this unit too, in no order" },
  { flags: "--part-of <unit>", kind: "list", description: "stop and restart with this unit" },
  {
    flags: "--wanted-by <unit>",
    kind: "list",
    description: "start when this unit starts (default: multi-user.target)",
  },
];

const install: Verb = {
  name: "install",
  summary: "Install an image as a service, enable it and start it",
  arguments: ["<image>"],
  options: [
    { flags: "-n, --name <name>", description: "name of the container and its unit (default: the image's)" },
    ...sandbox,
    {
      flags: "--adopt-state",
      description: "let it have directories in /var/lib/NAME that are there already and are not its own",
    },
    {
      flags: "--replace-unit",
      description: "take the place of a package's unit of the same name, which is stopped and disabled",
    },
    ...running,
    ...ordering,
    {
      flags: "--rootfs <dir>",
      description:
        "a root file system in another place, used there and never changed: nothing is checked out",
    },
    { flags: "--no-start", description: "enable the service and leave it stopped" },
    {
      flags: "--keep-host-files",
      description: "where a file of the host is in the way of one of the image's, leave it and do without",
    },
    { flags: "--auto-update", description: "`berth update --auto` updates it" },
    { flags: "--dry-run", description: "pull, then show what an install would write" },
    ...pulling,
  ],
  examples: [
    { command: "berth install registry.example.com/etcd:3.5", text: "pull, install and start etcd" },
    {
      command: "berth install --after etcd.service --set SUBNET=10.1.0.0/16 example.com/flannel",
      text: "a service that starts after another, with a value of its own",
    },
  ],
  load: () => import("./install.ts"),
};

const uninstall: Verb = {
  name: "uninstall",
  summary: "Stop a service and remove it with all that its install wrote",
  arguments: ["<names...>"],
  options: [{ flags: "--purge", description: "remove its state directories too" }],
  examples: [{ command: "berth uninstall etcd", text: "remove etcd, keep its data" }],
  load: () => import("./uninstall.ts"),
};

const list: Verb = {
  name: "list",
  aliases: ["ps"],
  summary: "List what is installed",
  arguments: [],
  options: [],
  examples: [{ command: "berth list --json", text: "the same, for a program" }],
  load: () => import("./list.ts"),
};

const status: Verb = {
  name: "status",
  summary: "Show the state of a service (exit status 3: not running, 4: not installed)",
  arguments: ["<name>"],
  options: [],
  examples: [{ command: "berth status etcd", text: "is etcd running, from which image, since when" }],
  exitStatuses: { NOT_INSTALLED: 4 },
  load: () => import("./status.ts"),
};

const logs: Verb = {
  name: "logs",
  summary: "Show the end of a service's journal",
  arguments: ["<name>"],
  options: [
    { flags: "-n, --lines <count>", kind: "number", default: 100, description: "how many lines of the end" },
    { flags: "-f, --follow", description: "go on with new lines until interrupted" },
  ],
  examples: [{ command: "berth logs -f etcd", text: "watch what etcd says" }],
  load: () => import("./logs.ts"),
};

const start: Verb = {
  name: "start",
  summary: "Start services in their order and wait until they have started",
  arguments: ["<names...>"],
  options: [],
  examples: [{ command: "berth start etcd", text: "as `systemctl start etcd`, with the reason if it fails" }],
  load: () => import("./start.ts"),
};

const stop: Verb = {
  name: "stop",
  summary: "Stop services against their order and wait until they have stopped",
  arguments: ["<names...>"],
  options: [],
  examples: [{ command: "berth stop etcd", text: "it starts again at the next boot" }],
  load: () => import("./stop.ts"),
};

const restart: Verb = {
  name: "restart",
  summary: "Restart services in their order and wait until they have started",
  arguments: ["<names...>"],
  options: [],
  examples: [{ command: "berth restart etcd", text: "stop and start in one job of systemd" }],
  load: () => import("./restart.ts"),
};

const order: Verb = {
  name: "order",
  summary: "Show or change what a service starts after, before and with",
  arguments: ["<name>"],
  options: [...ordering, { flags: "--clear", description: "forget the present order first" }],
  examples: [
    { command: "berth order web", text: "the order that web was given" },
    { command: "berth order web --after agent", text: "one more unit to start after" },
    { command: "berth order web --clear --requires db", text: "another order in place of the present one" },
  ],
  load: () => import("./order.ts"),
};

const graph: Verb = {
  name: "graph",
  summary: "Show in which order services start",
  arguments: ["[names...]"],
  options: [
    { flags: "--dot", description: "as a graph for Graphviz" },
    { flags: "--svg <file>", description: "write a picture of the last boot: who waited for whom" },
  ],
  examples: [
    { command: "berth graph", text: "all containers and the units that they are ordered to" },
    { command: "berth graph --dot", text: "the same, for Graphviz" },
    { command: "berth graph --svg boot.svg etcd", text: "when etcd, and what it waited for, started" },
  ],
  load: () => import("./graph.ts"),
};

const run: Verb = {
  name: "run",
  summary: "Run a command in a container, beside its service or by itself, or once in an image",
  arguments: ["<name|image>", "[command...]"],
  operandsAsTyped: true,
  options: [
    ...sandbox,
    { flags: "-n, --name <name>", description: "of an image: the name that its templates see" },
    ...running.filter(({ flags }) => /^--(runtime|runtime-lossy|privileged|network)( |$)/.test(flags)),
    ...pulling,
  ],
  examples: [
    { command: "berth run etcd etcdctl endpoint health", text: "its exit status is the command's own" },
    { command: "berth run web sh -l", text: "all after the name belongs to the command" },
    {
      command: "berth run --set RECEIVER=Pluto example.com/hello:1",
      text: "an image, pulled where it is missing; nothing of the run is left",
    },
  ],
  exitStatuses: { COMMAND_NOT_FOUND: 127 },
  load: () => import("./run.ts"),
};

const pull: Verb = {
  name: "pull",
  summary: "Fetch an image into the store",
  arguments: ["<image>"],
  options: [
    { flags: "--as <name>", description: "store it under this name" },
    { flags: "--keep-blobs", description: "keep its layers as they came too, for a host that serves others" },
    ...pulling,
  ],
  examples: [
    { command: "berth pull docker.io/library/busybox", text: "from a registry" },
    {
      command: "berth pull oci:/srv/images/etcd:3.5 --as example.com/etcd:3.5",
      text: "from an OCI layout on disk",
    },
  ],
  load: () => import("./pull.ts"),
};

const images: Verb = {
  name: "images",
  summary: "List the images in the store",
  arguments: [],
  options: [
    {
      flags: "-f, --filter <filter>",
      kind: "list",
      description: "only those with reference=PATTERN, label=NAME[=VALUE], before=IMAGE or since=IMAGE",
    },
  ],
  examples: [{ command: "berth images", text: "names, digests, ages and sizes" }],
  load: () => import("./images.ts"),
};

const rmi: Verb = {
  name: "rmi",
  summary: "Remove names of images, and what nothing refers to any more",
  arguments: ["<images...>"],
  options: [],
  examples: [{ command: "berth rmi busybox", text: "the one stored image whose name ends so" }],
  load: () => import("./rmi.ts"),
};

const inspect: Verb = {
  name: "inspect",
  summary: "Show an image in the store, or an installed container",
  arguments: ["<image|name>"],
  options: [
    {
      flags: "--remote",
      description: "ask the registry, and fetch no layer: what it is, what a pull would cost",
    },
    { flags: "--raw", description: "print the manifest, byte for byte" },
    { flags: "--config", description: "print the image's config, byte for byte" },
    ...pulling,
  ],
  examples: [
    { command: "berth inspect etcd --json", text: "all that berth knows of it" },
    { command: "berth inspect --remote quay.io/coreos/etcd:v3.5.9", text: "before a pull" },
  ],
  load: () => import("./inspect.ts"),
};

const check: Verb = {
  name: "check",
  summary: "Check that this host is fit for berth",
  arguments: [],
  options: [
    {
      flags: "--fix",
      description: "install what is missing of berth's own units first, and enable what recovers at boot",
    },
  ],
  examples: [
    { command: "berth check", text: "systemd, cgroups, runtimes, file system, policy" },
    { command: "berth check --fix", text: "once for each host: berth's own units, and recovery at boot" },
  ],
  load: () => import("./check.ts"),
};

const recover: Verb = {
  name: "recover",
  summary: "Finish or undo what an interrupted command left",
  arguments: [],
  options: [{ flags: "--boot", description: "while the system boots: wait for no job", hidden: true }],
  examples: [
    { command: "berth recover", text: "every command that changes a container does it for that one" },
  ],
  load: () => import("./recover.ts"),
};

const completion: Verb = {
  name: "completion",
  summary: "Print what makes a shell complete the words of berth",
  arguments: ["<shell>"],
  options: [],
  examples: [
    {
      command: "berth completion bash",
      text: "to be sourced by bash; `npm run install-host` puts it where bash-completion looks",
    },
  ],
  load: () => import("./completion.ts"),
};

export const verbs: readonly Verb[] = [
  install,
  uninstall,
  ...updateVerbs,
  list,
  status,
  logs,
  start,
  stop,
  restart,
  run,
  ...mountVerbs,
  order,
  graph,
  pull,
  ...imageVerbs,
  images,
  rmi,
  inspect,
  ...registryVerbs,
  ...storeVerbs,
  ...trustVerbs,
  check,
  recover,
  adopt,
  completion,
];
