import { type Inspected, inspect } from "../deploy/inspect.ts";
import { withHost } from "../host.ts";
import { fields, table, type View } from "../view.ts";
import type { Context } from "./command.ts";

export async function run(context: Context, [typed = ""]: string[]): Promise<Inspected> {
  return withHost(context, (host) => inspect(host, typed));
}

export function view(inspected: Inspected): View {
  return inspected.kind === "container" ? viewContainer(inspected) : viewImage(inspected);
}

function viewContainer({ name, deployment, directory, info }: Inspected & { kind: "container" }): View {
  const { berth } = info;
  return [
    fields([
      ["container", { text: name, tone: "strong" }],
      ["image", info.image],
      ["digest", `sha256:${info.revision}`],
      ["installed", { since: new Date(info.created * 1000).toISOString() }],
      ["deployment", String(deployment)],
      ["directory", directory],
      ["runtime", info.runtime],
      ["command", berth.command.join(" ")],
      ["wanted by", berth.request.wantedBy.join(" ")],
      // Values may be secrets: people see names, `--json` as root has all.
      ["values", Object.keys(info.values)],
      ["environment", Object.keys(berth.request.environment)],
      ["host files", berth.hostFiles.map(({ path }) => path)],
      ["state", berth.state],
    ]),
  ];
}

function viewImage({ image, config, layers }: Inspected & { kind: "image" }): View {
  const { config: exec } = config;
  return [
    fields([
      ["image", { text: image.name, tone: "strong" }],
      ["digest", image.digest],
      ["pulled", { since: image.pulled }],
      ["created", config.created && { since: config.created }],
      [
        "platform",
        [config.os, config.architecture, config.variant].filter((part) => part !== undefined).join("/"),
      ],
      ["entrypoint", exec.entrypoint.join(" ")],
      ["command", exec.cmd.join(" ")],
      ["user", exec.user],
      ["directory", exec.workingDir],
      ["environment", exec.env],
      ["volumes", exec.volumes],
      ["ports", exec.exposedPorts.join(" ")],
      ["stop signal", exec.stopSignal],
      ["health check", exec.healthcheck?.test.join(" ")],
      ["labels", Object.entries(exec.labels).map(([name, value]) => `${name}=${value}`)],
    ]),
    table(
      [{ title: "LAYER" }, { title: "SIZE", align: "right" }, { title: "TYPE", elastic: true }],
      layers.map(({ digest, size, mediaType }) => [{ digest }, { bytes: size }, mediaType]),
    ),
  ];
}
