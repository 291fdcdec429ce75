/** Declarations of the verbs that talk to a registry about itself. */
import type { OptionSpec, Verb } from "./command.ts";

const authFile: OptionSpec = {
  flags: "--authfile <file>",
  description: "the credentials file (default: as podman's)",
};

const reaching: readonly OptionSpec[] = [
  authFile,
  {
    flags: "--tls-verify <bool>",
    kind: "boolean",
    description: "whether the registry must speak HTTPS with a known certificate",
  },
];

const login: Verb = {
  name: "login",
  summary: "Check credentials with a registry and keep them",
  arguments: ["<registry>"],
  options: [
    { flags: "-u, --username <name>", description: "who to log in as (default: asked for)" },
    { flags: "--password-stdin", description: "read the password from standard input" },
    { flags: "--get-login", description: "print who is logged in" },
    ...reaching,
  ],
  examples: [
    { command: "berth login registry.example.com", text: "asks for the user and the password" },
    {
      command: "berth login -u ci --password-stdin registry.example.com",
      text: "from a script: the password comes on standard input",
    },
  ],
  load: () => import("./login.ts"),
};

const logout: Verb = {
  name: "logout",
  summary: "Forget the credentials for a registry",
  arguments: ["[registry]"],
  options: [{ flags: "-a, --all", description: "forget all of them" }, authFile],
  examples: [{ command: "berth logout registry.example.com", text: "what podman login wrote, too" }],
  load: () => import("./logout.ts"),
};

const listTags: Verb = {
  name: "list-tags",
  summary: "List the tags of a repository",
  arguments: ["<repository>"],
  options: reaching,
  examples: [{ command: "berth list-tags registry.example.com/etcd", text: "one a line" }],
  load: () => import("./list-tags.ts"),
};

const deleteVerb: Verb = {
  name: "delete",
  summary: "Delete an image from its registry, with every tag of it",
  arguments: ["<image>"],
  options: reaching,
  examples: [
    { command: "berth delete registry.example.com/etcd:3.4", text: "says which digest it is, and asks" },
  ],
  load: () => import("./delete.ts"),
};

export const registryVerbs: readonly Verb[] = [login, logout, listTags, deleteVerb];
