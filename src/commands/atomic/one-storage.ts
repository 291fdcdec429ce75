import { currentDeployment } from "../../deploy/containers.ts";
import { Failure, isFailure } from "../../errors.ts";
import { withHost } from "../../host.ts";
import { askEngine, readAnswer } from "../../transport/engine.ts";
import type { Context } from "../command.ts";
import type { Words } from "./spelling.ts";

/** A name that both berth and a container engine have needs `--storage` to be one, as `atomic`. USAGE. */
export async function requireOneStorage(
  context: Context,
  name: string,
  { storage }: Words["options"],
): Promise<void> {
  if (context.personality !== "atomic" || storage !== undefined) return;
  for (const kind of ["Image", "Container"] as const)
    if ((await isHere(context, kind, name)) && (await isInEngine(context, kind, name)))
      throw new Failure(
        "USAGE",
        `Found more than one ${kind} with name ${name}; please specify with --storage.`,
        {
          hint: "--storage ostree is berth's",
        },
      );
}

async function isHere(context: Context, kind: "Image" | "Container", name: string): Promise<boolean> {
  return withHost(context, async (host) =>
    kind === "Container"
      ? (await currentDeployment(host.layout, name)) !== undefined
      : (await (await host.store()).find(name)) !== undefined,
  );
}

async function isInEngine({ signal }: Context, kind: "Image" | "Container", name: string): Promise<boolean> {
  const path = `/${kind === "Image" ? "images" : "containers"}/${encodeURIComponent(name)}/json`;
  try {
    await readAnswer(await askEngine({ method: "GET", path, signal }));
    return true;
  } catch (error) {
    // No engine, or it has none of that name.
    if (isFailure(error) && error.code !== "INTERRUPTED") return false;
    throw error;
  }
}
