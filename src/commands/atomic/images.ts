import {
  type StoredLayer,
  storedLayers,
  type UnpackedImage,
  unpackedImages,
} from "../../deploy/stored-images.ts";
import { withHost } from "../../host.ts";
import { digestHex } from "../../oci/digest.ts";
import { line, table, type View } from "../../view.ts";
import type { Context } from "../command.ts";
import type { ImagesResult } from "../images.ts";
import { minuteOf, shortened, sizeOf, splitName } from "./columns.ts";
import { filterRows } from "./filter.ts";
import { requireOstree } from "./refuse.ts";
import type { Asked, Words } from "./spelling.ts";

/** With Atomic's keys. */
interface Row {
  repo: string;
  tag: string;
  is_dangling: boolean;
  used: boolean;
  vulnerable: false;
  id: string;
  type: "ostree";
  created: string;
  virtual_size: string;
  backend: "ostree";
  vuln_info: object;
}

interface Result {
  rows: Row[];
}

const FILTERS = {
  repo: ["repo"],
  repository: ["repo"],
  tag: ["tag"],
  id: ["id"],
  image: ["repo"],
  created: ["created"],
  size: ["virtual_size"],
  type: ["type"],
  is_dangling: ["is_dangling"],
};

/** Filters that berth's own verb has, in podman's words. */
const OWN_FILTER = /^(?:reference|label|before|since)=/;

export function translate({ args, options }: Words, { personality }: Context): Words {
  requireOstree(options);
  const filters = options["filter"] as string[];
  const own = personality === "berth" ? filters.filter((text) => OWN_FILTER.test(text)) : [];
  filterRows([], { filters: filters.filter((text) => !own.includes(text)), columns: FILTERS });
  return { args, options: { ...options, filter: own } };
}

/** In berth's own personality: what Atomic's filters leave. */
export function refine(result: ImagesResult | Result, { options }: Asked, atomic: boolean): object {
  if (atomic || "rows" in result) return result;
  const filters = (options["filter"] as string[]).filter((text) => !OWN_FILTER.test(text));
  const rows = result.images.map(({ name, digest, pulled, size }) => ({
    ...rowOf({ name, digest, created: pulled, size, used: false }),
    name,
  }));
  const names = new Set(filterRows(rows, { filters, columns: FILTERS }).map(({ name }) => name));
  return { images: result.images.filter(({ name }) => names.has(name)) };
}

export async function run(context: Context, _words: Words, _verb: unknown, asked: Asked): Promise<Result> {
  return withHost(context, async (host) => {
    const images = (await unpackedImages(host)).map(rowOf);
    const layers = asked.options["all"] === true ? (await storedLayers(host)).map(layerRow) : [];
    const filters = asked.options["filter"] as string[];
    return { rows: filterRows([...images, ...layers], { filters, columns: FILTERS }) };
  });
}

/** In front of a row, `>` says that a container has the image, `*` that nothing names it. */
export function view({ rows }: Result, { options, globals }: Asked): View {
  if (globals.quiet) return rows.map(({ id }) => line(shortened(id, 12, options)));
  if (rows.length === 0) return [];
  const titles = ["", "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "VIRTUAL SIZE", "TYPE"];
  return [
    table(
      titles.map((title) => ({ title })),
      rows.map(({ used, is_dangling, repo, tag, id, created, virtual_size, type }) => [
        used ? ">" : is_dangling ? "*" : "",
        repo,
        tag,
        shortened(id, 12, options),
        created,
        virtual_size,
        type,
      ]),
    ),
  ];
}

export function document({ rows }: Result): Row[] {
  return rows;
}

function rowOf({ name, digest, created, size, used }: Omit<UnpackedImage, "labels">): Row {
  return row({ ...splitName(name), used, digest, created, size });
}

function layerRow({ diffId, created, size, needed }: StoredLayer): Row {
  const none = "<none>";
  return {
    ...row({ repo: none, tag: none, used: false, digest: diffId, created, size }),
    is_dangling: !needed,
  };
}

function row({
  repo,
  tag,
  used,
  digest,
  created,
  size,
}: Pick<Row, "repo" | "tag" | "used"> & { digest: string; created: string; size: number }): Row {
  return {
    repo,
    tag,
    is_dangling: false,
    used,
    vulnerable: false,
    id: digestHex(digest),
    type: "ostree",
    created: minuteOf(created),
    virtual_size: sizeOf(size),
    backend: "ostree",
    vuln_info: {},
  };
}
