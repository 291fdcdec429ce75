/** The verbs that look inside: declarations only, as in verbs.ts. */
import type { Verb } from "./command.ts";

const mount: Verb = {
  name: "mount",
  summary: "Show the files of an image or a container in a directory, read-only",
  arguments: ["<image|name>", "<directory>"],
  options: [
    {
      flags: "-o, --options <options>",
      kind: "list",
      description: "more of mount(8): noexec, noatime, nodiratime, strictatime, nosymfollow",
    },
    { flags: "--shared", description: "accepted for Atomic's sake: every mount can be seen by all" },
    { flags: "--live", description: "refused, as Atomic does: a deployment is never writable" },
  ],
  examples: [
    { command: "berth mount etcd /mnt", text: "what the container etcd is made of" },
    {
      command: "berth mount -o noexec example.com/etcd:3.5 /mnt",
      text: "exactly the tree of an image in the store",
    },
  ],
  load: () => import("./mount.ts"),
};

const unmount: Verb = {
  name: "unmount",
  aliases: ["umount"],
  summary: "Take away what `berth mount` shows in a directory",
  arguments: ["<directory>"],
  options: [],
  examples: [{ command: "berth unmount /mnt", text: "and the checkout that was made for it" }],
  load: () => import("./unmount.ts"),
};

export const mountVerbs: readonly Verb[] = [mount, unmount];
