/** Images that a verb takes by a name, from places that berth's verb would name in another way. */
import type { Context } from "../command.ts";
import type { NamedSource } from "./image-name.ts";
import type { Words } from "./spelling.ts";

/** An image as a verb of berth is asked for it. */
interface Named {
  name: string;
  options: { tlsVerify?: false };
}

/** What is in a local engine or a file is stored under its name first, each time anew, as Atomic did. */
export async function fetchNamed(
  context: Context,
  source: NamedSource,
  options: Words["options"],
): Promise<Named> {
  const { image, as, tlsVerify } = source;
  if (as === undefined) return { name: image, options: tlsVerify === undefined ? {} : { tlsVerify } };
  const { run } = await import("../pull.ts");
  const { platform } = options as { platform?: string };
  await run(context, [image], { as, keepBlobs: false, ...(platform === undefined ? {} : { platform }) });
  return { name: as, options: {} };
}
