import { type CheckResult, check } from "../deploy/check.ts";
import { withHost } from "../host.ts";
import { line, type Tone, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { CheckOptions } from "./options.ts";

const TONES: Record<CheckResult["findings"][number]["verdict"], Tone> = {
  good: "good",
  warning: "warn",
  bad: "bad",
};

export async function run(context: Context, _args: string[], { fix }: CheckOptions): Promise<CheckResult> {
  return withHost(context, (host) => check(host, { fix }));
}

export function view({ fit, findings }: CheckResult): View {
  return [
    table(
      [{ title: "CHECK" }, { title: "VERDICT" }, { title: "FOUND", elastic: true }],
      findings.map(({ what, verdict, found }) => [what, { text: verdict, tone: TONES[verdict] }, found]),
    ),
    ...findings.flatMap(({ what, hint }) => (hint === undefined ? [] : [line(`${what}: `, hint)])),
    line(fit ? { text: "this host is fit", tone: "good" } : { text: "this host is not fit", tone: "bad" }),
  ];
}

export function exitStatus({ fit }: CheckResult): number {
  return fit ? 0 : 1;
}
