import type { ListedContainer } from "../../deploy/list.ts";
import { digestHex } from "../../oci/digest.ts";
import { line, table, type View } from "../../view.ts";
import type { ListResult } from "../list.ts";
import { minuteOf, shortened } from "./columns.ts";
import { filterRows } from "./filter.ts";
import type { Asked, Words } from "./spelling.ts";

/** With Atomic's keys. */
interface Row {
  id: string;
  image_id: string;
  image_name: string;
  name: string;
  command: string;
  created: string;
  state: string;
  backend: "ostree";
  runtime: string;
  vulnerable: false;
  running: boolean;
}

const FILTERS = {
  container: ["id", "name"],
  image: ["image_name", "image_id"],
  command: ["command"],
  created: ["created"],
  state: ["state"],
  runtime: ["runtime"],
  backend: ["backend"],
};

export function translate(words: Words): Words {
  filterRows([], { filters: filtersOf(words), columns: FILTERS });
  return words;
}

/** By the filters in both personalities; as `atomic` only what runs, or has failed, unless all are asked for. */
export function refine({ containers }: ListResult, asked: Asked, atomic: boolean): ListResult {
  const rows = filterRows(containers.map(rowOf), { filters: filtersOf(asked), columns: FILTERS });
  const names = new Set(
    rows.filter(({ running }) => !atomic || asked.options["all"] === true || running).map(({ name }) => name),
  );
  return { containers: containers.filter(({ name }) => names.has(name)) };
}

export function view({ containers }: ListResult, { options, globals }: Asked): View {
  const cut = (text: string, length: number): string => shortened(text, length, options);
  const rows = containers.map(rowOf);
  if (globals.quiet) return rows.map(({ id }) => line(cut(id, 12)));
  if (rows.length === 0) return [];
  const titles = ["", "CONTAINER ID", "IMAGE", "NAME", "COMMAND", "CREATED", "STATE", "BACKEND", "RUNTIME"];
  return [
    table(
      titles.map((title) => ({ title })),
      rows.map(({ id, image_name, name, command, created, state, backend, runtime }) => [
        "",
        cut(id, 12),
        cut(image_name, 20),
        cut(name, 10),
        cut(command, 10),
        created,
        state,
        backend,
        runtime,
      ]),
    ),
  ];
}

export function document({ containers }: ListResult): Row[] {
  return containers.map(rowOf);
}

function rowOf({ name, image, digest, command, created, state, runtime }: ListedContainer): Row {
  const shown = ["active", "activating", "reloading", "deactivating"].includes(state) ? "running" : state;
  return {
    id: name,
    image_id: digestHex(digest),
    image_name: image,
    name,
    command: command.join(" "),
    created: minuteOf(created),
    state: shown,
    backend: "ostree",
    runtime,
    vulnerable: false,
    running: shown !== "inactive",
  };
}

function filtersOf({ options }: Words): string[] {
  return options["filter"] as string[];
}
