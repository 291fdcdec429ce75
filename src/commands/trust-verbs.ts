/** Verbs that sign and that say whose signatures count: declarations only, for verbs.ts. */
import type { OptionSpec, Verb } from "./command.ts";

/** Which key signs. */
export const signing: readonly OptionSpec[] = [
  { flags: "--sign-by <key>", description: "sign with this key of GnuPG: a fingerprint or an address" },
  {
    flags: "--key <file>",
    description:
      "sign with the secret key in this file: an OpenPGP key, or a private key for sigstore (cosign)",
  },
  { flags: "--passphrase-file <file>", description: "the passphrase of the key" },
  { flags: "-g, --gnupghome <dir>", description: "where GnuPG has its keys (default: its own)" },
  {
    flags: "--identity <name>",
    description: "the name that the signature is for (default: the image's own)",
  },
];

/** For copies: what becomes of signatures. */
export const carrying: readonly OptionSpec[] = [
  ...signing,
  { flags: "--remove-signatures", description: "leave the signatures that the image has" },
];

const sign: Verb = {
  name: "sign",
  summary: "Sign images, for hosts whose policy asks for it",
  arguments: ["<images...>"],
  options: [
    ...signing,
    {
      flags: "-d, --directory <place>",
      description: "put it into this lookaside directory or server (default: what registries.d names)",
    },
    { flags: "--authfile <file>", description: "credentials for registries, as `podman login` writes them" },
    {
      flags: "--tls-verify <bool>",
      kind: "boolean",
      description: "whether the registry must speak HTTPS with a known certificate",
    },
  ],
  examples: [
    {
      command: "berth sign --sign-by ops@example.com registry.example.com/etcd:3.5",
      text: "with GnuPG, into the directory or server that registries.d names",
    },
    {
      command: "berth sign --key cosign.key registry.example.com/etcd:3.5",
      text: "as cosign does, into the registry",
    },
  ],
  load: () => import("./sign.ts"),
};

const trust: Verb = {
  name: "trust",
  summary: "Show or change whose signatures an image needs: show, add, delete, default, reset",
  arguments: ["<action>", "[operands...]"],
  options: [
    {
      flags: "-k, --pubkeys <key>",
      kind: "list",
      description:
        "a public key to put into the policy: a file, an https URL or an id of GnuPG; each one must have signed",
    },
    {
      flags: "-f, --pubkeysfile <file>",
      kind: "list",
      description: "a file with public keys that the policy will name",
    },
    {
      flags: "-t, --type <type>",
      choices: ["signedBy", "sigstoreSigned", "insecureAcceptAnything", "reject"],
      default: "signedBy",
      description: "what is required",
    },
    {
      flags: "--keytype <type>",
      choices: ["GPGKeys"],
      default: "GPGKeys",
      description: "what kind of keys signedBy has",
    },
    {
      flags: "--identity <type>",
      choices: ["matchExact", "matchRepoDigestOrExact", "matchRepository"],
      description: "which names a signature may be for (default: the image's own)",
    },
    {
      flags: "-s, --sigstore <url>",
      description: "where signatures are looked for: https://..., http://... or file:///...",
    },
    { flags: "--sigstore-staging <url>", description: "where they are written to, when it is another place" },
    {
      flags: "--sigstoretype <kind>",
      choices: ["web", "local", "atomic"],
      default: "web",
      description: "images of registries (web) or in directories (local)",
    },
    { flags: "--save-sigstore", description: "delete: keep what registries.d says" },
    { flags: "-g, --gnupghome <dir>", description: "where GnuPG has its keys" },
    { flags: "--raw", description: "show: policy.json as it is" },
  ],
  examples: [
    { command: "berth trust default reject", text: "nothing is accepted but what a scope names" },
    {
      command:
        "berth trust add --pubkeys ops.asc --sigstore https://example.com/signatures registry.example.com",
      text: "what comes from there must be signed with this key",
    },
    { command: "berth trust show", text: "who may sign what, and where the signatures are" },
  ],
  load: () => import("./trust.ts"),
};

export const trustVerbs: readonly Verb[] = [sign, trust];
