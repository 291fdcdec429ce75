import {
  addTrust,
  defaultTrust,
  deleteTrust,
  rawPolicy,
  resetTrust,
  showTrust,
  type TrustChange,
  type TrustTable,
} from "../deploy/trust.ts";
import { Failure } from "../errors.ts";
import { type Host, withHost } from "../host.ts";
import { exact, line, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { TrustOptions } from "./options.ts";

export type TrustResult = TrustChange | TrustTable | { raw: string };

/** Atomic's names of places and what policy.json calls them. */
const TRANSPORTS = { web: "docker", local: "dir", atomic: "atomic" } as const;

export async function run(
  context: Context,
  [action = "", ...operands]: string[],
  options: TrustOptions,
): Promise<TrustResult> {
  const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action as keyof typeof ACTIONS] : undefined;
  if (act === undefined)
    throw new Failure("USAGE", `trust cannot ${action}`, {
      hint: `It can ${Object.keys(ACTIONS).join(", ")}.`,
    });
  return withHost(context, (host) => act(host, operands, options));
}

export function view(result: TrustResult): View {
  if ("raw" in result) return [exact(result.raw)];
  if ("what" in result) return [line(result.what), ...result.files.map((file) => line(`  in ${file}`))];
  return viewTable(result);
}

type Action = (host: Host, operands: string[], options: TrustOptions) => Promise<TrustResult>;

const ACTIONS: Record<"show" | "add" | "delete" | "default" | "reset", Action> = {
  async show(host, operands, { raw }) {
    only(operands, 0, "show");
    if (!raw) return await showTrust(host);
    const text = await rawPolicy(host);
    if (text !== undefined) return { raw: text };
    throw new Failure("USAGE", "this host has no policy.json", {
      hint: "berth trust default accept makes one.",
    });
  },
  async add(host, operands, options) {
    only(operands, 1, "add REGISTRY[/REPOSITORY]");
    const { pubkeys, pubkeysfile, sigstore, sigstoreStaging, ...rest } = options;
    return await addTrust(host, {
      scope: scopeOf(operands[0]),
      transport: TRANSPORTS[options.sigstoretype],
      type: rest.type,
      keys: pubkeys,
      keyFiles: pubkeysfile,
      identity: rest.identity,
      lookaside: sigstore,
      lookasideStaging: sigstoreStaging,
      gnupghome: rest.gnupghome,
    });
  },
  async delete(host, operands, { sigstoretype, saveSigstore }) {
    only(operands, 1, "delete REGISTRY[/REPOSITORY]");
    return await deleteTrust(host, {
      scope: scopeOf(operands[0]),
      transport: TRANSPORTS[sigstoretype],
      saveSigstore,
    });
  },
  async default(host, operands) {
    only(operands, 1, "default accept|reject");
    const [verdict] = operands;
    if (verdict === "accept" || verdict === "reject") return await defaultTrust(host, verdict);
    throw new Failure("USAGE", `the default is accept or reject, not ${verdict}`);
  },
  async reset(host, operands) {
    only(operands, 0, "reset");
    return await resetTrust(host);
  },
};

function only(operands: readonly string[], count: number, words: string): void {
  if (operands.length === count) return;
  throw new Failure("USAGE", `write: berth trust ${words}`, { hint: "see `berth trust --help`" });
}

function scopeOf(text = ""): string {
  return text === "*" ? "" : text;
}

function viewTable({ path, exists, rows, signatures }: TrustTable): View {
  const places = new Map(signatures.map((place) => [place.scope, place]));
  const named = new Set(rows.map(({ scope }) => scope));
  const alone = signatures.filter(({ scope }) => !named.has(scope));
  return [
    line(exists ? `policy: ${path}` : "no policy.json: every image is accepted"),
    table(
      [
        { title: "SCOPE", elastic: true },
        { title: "TRANSPORT" },
        { title: "REQUIRES" },
        { title: "SIGNERS", elastic: true },
        { title: "SIGNATURES", elastic: true },
      ],
      rows.map(({ transport, scope, type, signers }) => [
        transport === "default" ? "(default)" : scope || "(all)",
        transport === "default" ? "" : transport,
        type,
        signers.join(", "),
        transport === "docker" ? placeOf(places.get(scope)) : "",
      ]),
    ),
    ...alone.map((place) => line(`signatures of ${place.scope || "all other images"}: ${placeOf(place)}`)),
  ];
}

function placeOf(place: TrustTable["signatures"][number] | undefined): string {
  if (place === undefined) return "";
  const { lookaside, attachments } = place;
  return [lookaside, attachments === true ? "in the registry" : undefined].filter(Boolean).join(", ");
}
