import { imageOf } from "../deploy/deployments.ts";
import type { DescribedExports, TemplateVariable } from "../deploy/describe-exports.ts";
import { hostAccessLines } from "../deploy/host-access.ts";
import { type Inspected, inspect } from "../deploy/inspect.ts";
import type { RawDocument, RemoteImage } from "../deploy/inspect-remote.ts";
import { withHost } from "../host.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { exact, fields, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import { refuseTogether } from "./exclusive.ts";
import type { InspectOptions } from "./options.ts";

type Result = Inspected | RemoteImage | RawDocument;

export async function run(
  context: Context,
  [image = ""]: string[],
  { remote, raw, config, platform, authfile, tlsVerify }: InspectOptions,
): Promise<Result> {
  refuseTogether({ "--raw": raw, "--config": config });
  return withHost(context, async (host): Promise<Result> => {
    if (!remote && !raw && !config) return inspect(host, image);
    const { inspectRemote, rawDocument } = await import("../deploy/inspect-remote.ts");
    const request = { image, platform, authFile: authfile, tlsVerify };
    if (!raw && !config) return inspectRemote(host, request);
    return rawDocument(host, { ...request, remote, what: raw ? "manifest" : "config" });
  });
}

export function view(result: Result): View {
  switch (result.kind) {
    case "container":
      return viewContainer(result);
    case "image":
      return viewImage(result);
    case "remote":
      return viewRemote(result);
    case "raw":
      return [exact(result.text)];
  }
}

function viewContainer(container: Inspected & { kind: "container" }): View {
  const { name, deployment, directory, info, files } = container;
  const { berth } = info;
  return [
    fields([
      ["container", { text: name, tone: "strong" }],
      ["image", info.image],
      ["digest", imageOf(info)],
      ["installed", { since: new Date(info.created * 1000).toISOString() }],
      ["deployment", String(deployment)],
      ["directory", directory],
      ["runtime", info.runtime],
      ["command", berth.command.join(" ")],
      ["wanted by", berth.request.wantedBy.join(" ")],
      // Values may be secrets: people see names, `--json` as root has all.
      ["values", Object.keys(berth.request.values)],
      ["environment", Object.keys(berth.request.environment)],
      ["host files", berth.hostFiles.map(({ path }) => path)],
      [
        "image's files",
        files
          .filter(({ type }) => type !== "directory")
          .map(({ path, state }) => (state === "unchanged" ? path : `${path} (${state})`)),
      ],
      ["state", berth.state],
      ["host access", hostAccessLines(berth.hostAccess ?? [])],
    ]),
  ];
}

function viewImage({ image, config, layers, exports }: Inspected & { kind: "image" }): View {
  return [
    fields([
      ["image", { text: image.name, tone: "strong" }],
      ["digest", image.digest],
      ["pulled", { since: image.pulled }],
      ...configFields(config),
      ...(exports === undefined ? [] : exportsFields(exports)),
    ]),
    table(
      [{ title: "LAYER" }, { title: "SIZE", align: "right" }, { title: "TYPE", elastic: true }],
      layers.map(({ digest, size, mediaType }) => [{ digest }, { bytes: size }, mediaType]),
    ),
  ];
}

function viewRemote(remote: RemoteImage): View {
  const { name, digest, index, config, layers, size, download, exports } = remote;
  const isHere = layers.every(({ here }) => here);
  return [
    fields([
      ["image", { text: name, tone: "strong" }],
      ["digest", digest],
      ["index", index],
      ["size", { bytes: size }],
      ["to download", { bytes: download }],
      ...configFields(config),
      ...(exports === undefined ? [] : exportsFields(exports)),
      ["templates", isHere ? undefined : "not known: they are in layers that are not here"],
    ]),
    table(
      [
        { title: "LAYER" },
        { title: "SIZE", align: "right" },
        { title: "HERE" },
        { title: "TYPE", elastic: true },
      ],
      layers.map((layer) => [
        { digest: layer.digest },
        { bytes: layer.size },
        layer.here ? "yes" : "no",
        layer.mediaType,
      ]),
    ),
  ];
}

function exportsFields({
  service,
  variables,
  hostAccess,
  incomplete,
}: DescribedExports): Parameters<typeof fields>[0] {
  const from = (wanted: TemplateVariable["from"]): TemplateVariable[] =>
    variables.filter((variable) => variable.from === wanted);
  return [
    ["service", service ? undefined : "none: files for the host alone"],
    ["values with a default", from("image").map((variable) => `${variable.name}=${variable.default}`)],
    ["values to be set", from("none").map(({ name }) => name)],
    ["values of the host", from("host").map(({ name }) => name)],
    [
      "host access",
      [
        ...hostAccessLines(hostAccess),
        ...(incomplete ? ["what its config.json asks for depends on values"] : []),
      ],
    ],
  ];
}

function configFields(config: ImageConfig): Parameters<typeof fields>[0] {
  const { config: exec } = config;
  return [
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
  ];
}
