import { type DiskUsage, diskUsage } from "../deploy/df.ts";
import { withHost } from "../host.ts";
import { fields, line, table, type View } from "../view.ts";
import type { Context } from "./command.ts";

export async function run(context: Context): Promise<DiskUsage> {
  return withHost(context, diskUsage);
}

export function view({
  state,
  fileSystem,
  total,
  objects,
  records,
  images,
  deployments,
  reclaimable,
}: DiskUsage): View {
  const sizes = [
    { title: "SIZE", align: "right" },
    { title: "SHARED", align: "right" },
    { title: "UNIQUE", align: "right" },
  ] as const;
  return [
    fields([
      ["state", state],
      ["in use", { bytes: total }],
      ["objects", { bytes: objects.bytes }],
      ["records", { bytes: records }],
      ["reclaimable", { bytes: reclaimable.bytes }],
      ["file system", { bytes: fileSystem.size }],
      ["available", { bytes: fileSystem.available }],
    ]),
    ...(images.length === 0
      ? []
      : [
          line(""),
          table(
            [{ title: "IMAGE", elastic: true }, { title: "DIGEST" }, ...sizes],
            images.map(({ names, digest, bytes, shared, unique }) => [
              names.length === 0 ? "(of deployments only)" : names.join(" "),
              { digest },
              { bytes },
              { bytes: shared },
              { bytes: unique },
            ]),
          ),
        ]),
    ...(deployments.length === 0
      ? []
      : [
          line(""),
          table(
            [{ title: "DEPLOYMENT" }, { title: "CURRENT", elastic: true }, ...sizes],
            deployments.map(({ name, deployment, current, bytes, shared, unique }) => [
              `${name}.${deployment}`,
              current ? "yes" : "no",
              { bytes },
              { bytes: shared },
              { bytes: unique },
            ]),
          ),
        ]),
  ];
}
