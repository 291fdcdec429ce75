import { status as readStatus, type Status } from "../deploy/status.ts";
import { withHost } from "../host.ts";
import { isUp } from "../systemd/unit-state.ts";
import { fields, line, type View, verbatim } from "../view.ts";
import type { Context } from "./command.ts";
import { stateText } from "./list.ts";
import type { NoOptions } from "./options.ts";

export async function run(context: Context, [name = ""]: string[], _options: NoOptions): Promise<Status> {
  return withHost(context, (host) => readStatus(host, name));
}

export function view(status: Status): View {
  const { name, image, digest, deployment, runtime, command, unit, service, hasService, changed } = status;
  const state = hasService ? "unknown" : "no service";
  return [
    line({ text: name, tone: "strong" }, ": ", service === undefined ? state : stateText(service.state)),
    fields([
      ["image", image],
      ["digest", digest],
      ["deployment", String(deployment)],
      ["runtime", runtime],
      ["command", hasService ? command.join(" ") : undefined],
      ["unit", hasService ? unit : undefined],
      ["state", service && `${service.state} (${service.subState})`],
      ["since", service?.since && { since: service.since }],
      ["at boot", service?.enabled],
      ["main process", service && service.mainPid > 0 ? String(service.mainPid) : undefined],
      ["cgroup", service?.controlGroup],
      ["restarts", service && service.restarts > 0 ? String(service.restarts) : undefined],
      [
        "last result",
        service && service.result !== "success" ? { text: service.result, tone: "bad" } : undefined,
      ],
      ["says", service?.statusText],
      ["changed by hand", changed.map(({ path, state: how }) => `${path} (${how})`)],
    ]),
    ...(service !== undefined && service.log.length > 0 ? [verbatim(service.log, "log")] : []),
  ];
}

/** As systemctl: 3 when it does not run. */
export function exitStatus({ service }: Status): number {
  return service === undefined || isUp(service.state) ? 0 : 3;
}
