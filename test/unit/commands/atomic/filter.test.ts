import { expect, test } from "vitest";
import { filterRows } from "../../../../src/commands/atomic/filter.ts";

const rows = [
  { repo: "quay.io/Etcd", tag: "3.5" },
  { repo: "web", tag: "3" },
];
const columns = { repo: ["repo"], tag: ["tag"], any: ["repo", "tag"] };

test.each([
  [[], ["3.5", "3"]],
  [["repo=etcd"], ["3.5"]],
  [["REPO=etcd"], undefined],
  [["tag=3", "repo=WEB"], ["3"]],
  [["any=e", "tag=5"], ["3.5"]],
  [["repo=none"], []],
  [["repo"], undefined],
  [["toString=x"], undefined],
])("filterRows() with %j", (filters, tags) => {
  const filtered = (): string[] => filterRows(rows, { filters, columns }).map(({ tag }) => tag);
  if (tags !== undefined) expect(filtered()).toEqual(tags);
  else
    expect(filtered).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: expect.stringMatching(
          /^The filter \w+ is not valid\. {2}Please choose from \['repo', 'tag', 'any'\]$/,
        ),
      }),
    );
});
