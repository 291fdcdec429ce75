import { currentDeployment } from "../../deploy/containers.ts";
import { Failure } from "../../errors.ts";
import { withHost } from "../../host.ts";
import type { Context } from "../command.ts";

/** The name of an image that the store and a container engine both have says too little. NAME_AMBIGUOUS. A container's name comes first. */
export async function requireOneImage(context: Context, name: string): Promise<void> {
  const isStored = await withHost(
    context,
    async (host) =>
      (await currentDeployment(host.layout, name)) === undefined &&
      (await (await host.store()).find(name)) !== undefined,
  );
  if (!isStored) return;
  const { engineHasImage } = await import("../../transport/engine.ts");
  if (!(await engineHasImage(name, context.signal))) return;
  throw new Failure(
    "NAME_AMBIGUOUS",
    `Found more than one Image with name ${name}; please specify with --storage.`,
    { hint: "--storage ostree is berth's own" },
  );
}
