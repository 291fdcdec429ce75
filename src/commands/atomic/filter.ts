/** Atomic's filters: `NAME=TEXT` finds the text in a column, in any case; several must all hold. Pure. */
import { Failure } from "../../errors.ts";

export type Row = Record<string, unknown>;

/** Those that pass; `columns`: by a filter's name, where it looks. USAGE. */
export function filterRows<R extends object>(
  rows: readonly R[],
  { filters, columns }: { filters: readonly string[]; columns: Record<string, readonly string[]> },
): R[] {
  const wanted = filters.map((text) => {
    const at = text.indexOf("=");
    const name = at === -1 ? text : text.slice(0, at);
    const keys = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (keys === undefined || at === -1) {
      const names = Object.keys(columns).map((each) => `'${each}'`);
      throw new Failure(
        "USAGE",
        `The filter ${name} is not valid.  Please choose from [${names.join(", ")}]`,
      );
    }
    return { keys, value: text.slice(at + 1).toLowerCase() };
  });
  return rows.filter((row) =>
    wanted.every(({ keys, value }) =>
      keys.some((key) =>
        String((row as Row)[key])
          .toLowerCase()
          .includes(value),
      ),
    ),
  );
}
