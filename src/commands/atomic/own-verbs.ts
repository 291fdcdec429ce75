/** Verbs of Atomic that berth had not: the same in both personalities. Declarations only. */
import type { Verb } from "../command.ts";
import { storage } from "./table.ts";

const imagesUpdate: Verb = {
  name: "images update",
  summary: "Pull images of the store again; containers stay as they are",
  arguments: ["[image]"],
  options: [
    { flags: "-a, --all", description: "all that have a full name" },
    { flags: "-f, --force", description: "refused, as it was for these images", hidden: true },
    storage,
  ],
  examples: [{ command: "berth images update etcd", text: "then `containers update` takes it" }],
  load: () => import("./images-update.ts"),
};

const imagesVersion: Verb = {
  name: "images version",
  summary: "Show the version that an image says it is",
  arguments: ["<image>"],
  options: [{ flags: "-r, --recurse", description: "accepted: an image has no other below it" }, storage],
  examples: [{ command: "berth images version etcd", text: "from its labels" }],
  load: () => import("./images-version.ts"),
};

const imagesVerify: Verb = {
  name: "images verify",
  summary: "Compare images of the store with what their name means in the registry",
  arguments: ["[image]"],
  options: [
    { flags: "-a, --all", description: "all that have a full name" },
    { flags: "--no-validate", description: "accepted: files are checked by `berth verify`" },
    { flags: "-v, --verbose", description: "accepted" },
    storage,
  ],
  examples: [{ command: "berth images verify etcd", text: "asks the registry, fetches no layer" }],
  load: () => import("./images-verify.ts"),
};

const containersTrim: Verb = {
  name: "containers trim",
  summary: "Do nothing: it was for the disks of Docker's containers",
  arguments: [],
  options: [],
  examples: [{ command: "berth containers trim", text: "so that a playbook goes on" }],
  load: () => import("./containers-trim.ts"),
};

export const ownVerbs: readonly Verb[] = [imagesUpdate, imagesVersion, imagesVerify, containersTrim];
