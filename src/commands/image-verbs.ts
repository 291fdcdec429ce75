/** The verbs that move images from place to place: declarations only, for verbs.ts. */
import type { OptionSpec, Verb } from "./command.ts";
import { carrying } from "./trust-verbs.ts";

const fetching: readonly OptionSpec[] = [
  { flags: "--authfile <file>", description: "credentials for registries, as `podman login` writes them" },
  {
    flags: "--tls-verify <bool>",
    kind: "boolean",
    description: "whether registries must speak HTTPS with a known certificate",
  },
];

/** A copy has two ends, which may need credentials of their own. */
const eachEnd: readonly OptionSpec[] = [
  { flags: "--src-authfile <file>", description: "credentials for the source alone" },
  { flags: "--dest-authfile <file>", description: "credentials for the destination alone" },
  {
    flags: "--src-tls-verify <bool>",
    kind: "boolean",
    description: "whether the source must speak HTTPS with a known certificate",
  },
  {
    flags: "--dest-tls-verify <bool>",
    kind: "boolean",
    description: "whether the destination must speak HTTPS with a known certificate",
  },
];

const shaping: readonly OptionSpec[] = [
  {
    flags: "--platform <os/arch>",
    description: "of an image for several platforms: this one (default: the host's)",
  },
  { flags: "--all", description: "of an image for several platforms: all, and their index" },
  {
    flags: "--format <format>",
    choices: ["oci", "v2s2"],
    description: "convert to this format (default: as it is, so that the digest stays)",
  },
  {
    flags: "--compress <algorithm[:level]>",
    description: "compress the layers so: gzip[:1-9] or zstd[:1-22] (default: as they are)",
  },
];

const from: OptionSpec = {
  flags: "--from <reference>",
  description: "where the layers are (default: where the image was pulled from)",
};

const copy: Verb = {
  name: "copy",
  summary: "Copy an image from one place to another",
  arguments: ["<source>", "<destination>"],
  options: [...shaping, ...carrying, ...fetching, ...eachEnd],
  examples: [
    {
      command: "berth copy quay.io/coreos/etcd:v3.5.9 registry.example.com/etcd:3.5",
      text: "from registry to registry, with the digest it has",
    },
    { command: "berth copy --all docker.io/library/busybox oci:/srv/images:busybox", text: "to a directory" },
  ],
  load: () => import("./copy.ts"),
};

const push: Verb = {
  name: "push",
  summary: "Send an image of the store to a registry or another place",
  arguments: ["<image>", "[destination]"],
  options: [
    from,
    { flags: "--rebuild", description: "make new layers, with new digests, from the files in the store" },
    ...shaping.filter(({ flags }) => !/--(all|platform)/.test(flags)),
    ...carrying,
    ...fetching,
  ],
  examples: [
    { command: "berth push etcd registry.example.com/etcd:3.5", text: "an image that was pulled before" },
  ],
  load: () => import("./push.ts"),
};

const tag: Verb = {
  name: "tag",
  summary: "Give an image in the store one more name",
  arguments: ["<image>", "<new-name>"],
  options: [],
  examples: [{ command: "berth tag etcd registry.example.com/etcd:3.5", text: "then push it there" }],
  load: () => import("./tag.ts"),
};

const save: Verb = {
  name: "save",
  summary: "Write images of the store to one archive, every layer once",
  arguments: ["<images...>"],
  options: [{ flags: "-o, --output <file>", description: "the oci-archive to write" }, from, ...fetching],
  examples: [
    {
      command: "berth save etcd flannel -o images.tar",
      text: "for a host without a network: berth load there",
    },
  ],
  load: () => import("./save.ts"),
};

const load: Verb = {
  name: "load",
  summary: "Put all images of an archive into the store",
  arguments: ["<file>"],
  options: [],
  examples: [{ command: "berth load images.tar", text: "what save, podman save or docker save wrote" }],
  load: () => import("./load.ts"),
};

const sync: Verb = {
  name: "sync",
  summary: "Bring the tags of a repository to another registry or a directory",
  arguments: ["<repository>", "<destination>"],
  options: [
    { flags: "--tag <pattern>", kind: "list", description: "only tags like this, for example v3.5.*" },
    { flags: "--dry-run", description: "show what would be copied" },
    ...fetching,
  ],
  examples: [
    {
      command: "berth sync --tag 'v3.5.*' quay.io/coreos/etcd oci:/srv/etcd",
      text: "one layout with every v3.5 tag; again later, and only what changed is fetched",
    },
    {
      command: "berth sync quay.io/coreos/etcd registry.example.com/etcd",
      text: "from registry to registry",
    },
  ],
  load: () => import("./sync.ts"),
};

export const imageVerbs: readonly Verb[] = [copy, push, tag, save, load, sync];
