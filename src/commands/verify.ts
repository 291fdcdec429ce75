import { type Repaired, repair } from "../deploy/repair.ts";
import { type Damage, type Verified, verify } from "../deploy/verify.ts";
import { withHost } from "../host.ts";
import { fields, line, type Text, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { VerifyOptions } from "./options.ts";
import { parseSize } from "./quantity.ts";

export async function run(
  context: Context,
  names: string[],
  { repair: repairs, rate, jobs }: VerifyOptions,
): Promise<Verified | Repaired> {
  const request = { names, jobs, rate: rate === undefined ? undefined : parseSize(rate) };
  return withHost(context, (host) => (repairs ? repair(host, request) : verify(host, request)));
}

export function view(result: Verified | Repaired): View {
  const { checked, damaged, clean, changed = [], trust = [] } = result;
  const refused = trust.filter(({ accepted }) => !accepted);
  const { repaired = [], problems = [] } = result as Partial<Repaired>;
  return [
    ...repaired.flatMap((damage) => describe(damage, { text: "repaired", tone: "good" })),
    ...damaged.flatMap((damage) => describe(damage, { text: "damaged", tone: "bad" })),
    ...problems.map((problem) => line({ text: "not repaired", tone: "bad" }, ` ${problem}`)),
    line(
      `${counted(checked.objects, "object")} (`,
      { bytes: checked.bytes },
      `), ${counted(checked.layers, "layer")}, ${counted(checked.images, "image")}, ${counted(checked.names, "name")}, ` +
        `${counted(checked.deployments, "deployment")} with ${counted(checked.files, "file")} checked`,
    ),
    ...changed.map(({ name, path, state }) =>
      line({ text: state, tone: "warn" }, ` ${path}, a file of the image of ${name} on the host`),
    ),
    ...refused.flatMap(({ deployment, image, reason }) => [
      line({ text: "refused", tone: "bad" }, ` ${deployment}: the policy no longer accepts ${image}`),
      fields([["  reason", reason]]),
    ]),
    ...trust.flatMap(({ deployment, accepted, requirements = [] }) =>
      accepted
        ? requirements
            .filter(({ key }) => key !== undefined)
            .map(({ signer, key = "", signed = "" }) =>
              line(`${deployment} is signed by ${signer ?? key}, `, {
                text: `${key} ${signed}`,
                tone: "dim",
              }),
            )
        : [],
    ),
    line(
      damaged.length === 0
        ? { text: "nothing is damaged", tone: "good" }
        : { text: `${counted(damaged.length, "file")} damaged`, tone: "bad" },
    ),
    ...(damaged.length === 0 || clean || "problems" in result
      ? []
      : [line("berth verify --repair fetches again what is damaged, while services run")]),
  ];
}

export function exitStatus({ clean }: Verified): number {
  return clean ? 0 : 1;
}

function describe({ what, path, reason, images, deployments }: Damage, verdict: Text): View {
  return [
    line(verdict, ` ${what} ${path}`),
    fields([
      ["  reason", reason],
      ["  image", images],
      ["  deployment", deployments],
    ]),
  ];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
