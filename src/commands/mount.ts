import { type Mounted, mount } from "../deploy/mount.ts";
import { Failure } from "../errors.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { MountOptions } from "./options.ts";

const ATTRIBUTES = ["noexec", "noatime", "nodiratime", "strictatime", "nosymfollow"] as const;
type Attribute = (typeof ATTRIBUTES)[number];

/** What every mount is, or need not be told. */
const GIVEN = ["ro", "nosuid", "nodev", "bind", "exec", "relatime", "shared"];

export async function run(
  context: Context,
  [typed = "", directory = ""]: string[],
  { options, live }: MountOptions,
): Promise<Mounted> {
  if (live)
    throw new Failure("USAGE", "Containers and images managed through OSTree do not support --live.", {
      hint: "a mount is read-only; `berth run NAME sh` looks into a running container",
    });
  const attributes = parseAttributes(options);
  return withHost(context, (host) => mount(host, typed, { directory, attributes }));
}

export function view({ kind, name, deployment, directory }: Mounted): View {
  const what = kind === "container" ? ` (deployment ${deployment})` : "";
  return [line({ text: name, tone: "strong" }, `${what} is at ${directory}, read-only`)];
}

function parseAttributes(lists: readonly string[]): Attribute[] {
  const attributes: Attribute[] = [];
  for (const word of lists.flatMap((list) => list.split(","))) {
    const attribute = ATTRIBUTES.find((known) => known === word);
    if (attribute !== undefined) attributes.push(attribute);
    else if (!GIVEN.includes(word)) {
      const reason =
        word === "rw" || word === "suid" || word === "dev"
          ? "a mount is read-only, without set-user-ID and devices: its files are the store's"
          : "this is no option of such a mount";
      throw new Failure("USAGE", `-o ${word}: ${reason}`, { hint: `it may have ${ATTRIBUTES.join(", ")}` });
    }
  }
  return attributes;
}
