import { describe, expect, test } from "vitest";
import { type Decision, decideFiles, type Found, type Other } from "../../../src/deploy/decide-files.ts";
import type { InstalledFile } from "../../../src/deploy/installed-files.ts";
import type { Content, Tracked } from "../../../src/deploy/ledger.ts";

const PATH = "/etc/app.conf";
const OWNED = { uid: 0, gid: 0 };
const version = (sha256: string): Content & { type: "file" } => ({
  type: "file",
  sha256,
  mode: 0o644,
  ...OWNED,
});
const [OLD, NEW, EDITED] = ["old", "new", "edited"].map(version) as [Content, Content, Content];
const file = (sha256: string, path = PATH): InstalledFile => ({
  ...{ path, source: "rootfs/x", link: false, ...version(sha256) },
});
const had = (...versions: Content[]): Tracked => ({ path: PATH, versions, made: true });

interface Given {
  wants?: string;
  entry?: Tracked;
  found?: Found;
  others?: Other[];
  settled?: boolean;
  purge?: boolean;
}

function decide({ wants, entry, found, others, settled = true, purge = false }: Given): Decision | undefined {
  const decisions = decideFiles(wants === undefined ? [] : [file(wants)], {
    purge,
    facts: {
      ledger: { schema: 1, settled, files: entry === undefined ? [] : [entry] },
      found: new Map([["/etc", { type: "directory" }], ...(found ? [[PATH, found] as const] : [])]),
      others: new Map(others ? [[PATH, others]] : []),
    },
  });
  return decisions.find(({ path }) => path === PATH);
}

const B: Other = { name: "b", made: true };
const THERE_BEFORE: Tracked = { ...had(OLD), made: false };

describe("decideFiles() of a file", () => {
  test.each<[string, Given, Decision["action"], Decision["outcome"], Tracked | undefined]>([
    ["new", { wants: "new" }, "place", "created", had(NEW)],
    ["new and there, the same", { wants: "new", found: NEW }, "none", "shared", { ...had(NEW), made: false }],
    ["that another container made", { wants: "new", found: NEW, others: [B] }, "none", "shared", had(NEW)],
    ["new and there, another", { wants: "new", found: EDITED }, "none", "conflict", undefined],
    [
      "new in the place of a device",
      { wants: "new", found: { type: "other" } },
      "none",
      "conflict",
      undefined,
    ],
    [
      "with another mode",
      { wants: "new", found: { ...version("new"), mode: 0o600 } },
      "none",
      "conflict",
      undefined,
    ],
    [
      "with another owner",
      { wants: "new", found: { ...version("new"), uid: 1 } },
      "none",
      "conflict",
      undefined,
    ],
    ["as it was", { wants: "old", entry: had(OLD), found: OLD }, "none", "unchanged", had(OLD)],
    ["of a newer version", { wants: "new", entry: had(OLD), found: OLD }, "place", "replaced", had(NEW)],
    ["that was edited", { wants: "new", entry: had(OLD), found: EDITED }, "none", "edited", had(OLD)],
    [
      "edited to be the new one",
      { wants: "new", entry: had(OLD), found: NEW },
      "none",
      "unchanged",
      had(NEW),
    ],
    [
      "that was removed by hand",
      { wants: "new", entry: had(OLD) },
      ...(["none", "deleted", { ...had(OLD), deleted: true }] as const),
    ],
    [
      "removed by hand and made again",
      { wants: "new", entry: { ...had(OLD), deleted: true }, found: OLD },
      "place",
      "replaced",
      had(NEW),
    ],
    [
      "that others have in the old version",
      { wants: "new", entry: had(OLD), found: OLD, others: [B] },
      "none",
      "conflict",
      undefined,
    ],
    [
      "that was there before",
      { wants: "new", entry: THERE_BEFORE, found: OLD },
      "none",
      "conflict",
      undefined,
    ],
    ["that goes", { entry: had(OLD), found: OLD }, "remove", "removed", undefined],
    ["that goes and was edited", { entry: had(OLD), found: EDITED }, "none", "edited", had(OLD)],
    [
      "that goes and was edited, purged",
      { entry: had(OLD), found: EDITED, purge: true },
      "remove",
      "removed",
      undefined,
    ],
    [
      "that goes and others have",
      { entry: had(OLD), found: OLD, others: [B], purge: true },
      "none",
      "left",
      undefined,
    ],
    [
      "that goes and was there before",
      { entry: THERE_BEFORE, found: OLD, purge: true },
      "none",
      "left",
      undefined,
    ],
    [
      "that goes and is a directory now, purged",
      { entry: had(OLD), found: { type: "directory" }, purge: true },
      ...(["none", "edited", had(OLD)] as const),
    ],
    [
      "that goes and was removed by hand",
      { entry: had(OLD) },
      ...(["none", "deleted", { ...had(OLD), deleted: true }] as const),
    ],
    // A killed command: the ledger has both versions, and says nothing of what is missing.
    [
      "half way, put there",
      { wants: "old", entry: had(OLD, NEW), found: NEW, settled: false },
      "place",
      "replaced",
      had(OLD),
    ],
    ["half way, taken away", { wants: "old", entry: had(OLD), settled: false }, "place", "created", had(OLD)],
    ["half way, never put there", { entry: had(NEW), settled: false }, "none", "deleted", undefined],
    [
      "half way, removed by hand before",
      { wants: "old", entry: { ...had(OLD), deleted: true }, settled: false },
      ...(["none", "deleted", { ...had(OLD), deleted: true }] as const),
    ],
  ])("%s", (_, given, action, outcome, tracked) => {
    expect(decide(given)).toMatchObject({ action, outcome });
    expect(decide(given)?.tracked).toEqual(tracked);
  });
});

describe("decideFiles() of directories", () => {
  const directory = (path: string, empty: boolean): InstalledFile => ({
    ...{ path, type: "directory", mode: 0o700, ...OWNED, empty },
  });
  const made = (path: string): Tracked => ({ path, versions: [{ type: "directory" }], made: true });

  function actions(
    wanted: InstalledFile[],
    {
      entries = [],
      found = {},
      others = {},
    }: { entries?: Tracked[]; found?: Record<string, Found>; others?: Record<string, Other[]> } = {},
  ): [string, string, string][] {
    const facts = {
      ledger: { schema: 1 as const, settled: true, files: entries },
      found: new Map(Object.entries(found)),
      others: new Map(Object.entries(others)),
    };
    return decideFiles(wanted, { facts }).map(({ path, action, outcome }) => [path, action, outcome]);
  }

  test("makes those that files need, and an empty one with those that it lies in", () => {
    const wanted = [file("new", "/opt/a/b"), directory("/srv/x/y", true)];
    expect(actions(wanted, { found: { "/opt": { type: "directory" } } })).toEqual([
      ["/opt", "none", "shared"],
      ["/opt/a", "mkdir", "created"],
      ["/opt/a/b", "place", "created"],
      ["/srv", "mkdir", "created"],
      ["/srv/x", "mkdir", "created"],
      ["/srv/x/y", "mkdir", "created"],
    ]);
  });

  test("makes none for a file that stays away", () => {
    const entries = [made("/opt/a"), { path: "/opt/a/b", versions: [OLD], made: true }];
    const found = { "/opt": { type: "directory" } } as const;
    expect(actions([file("new", "/opt/a/b")], { entries, found })).toEqual([
      ["/opt", "none", "left"],
      ["/opt/a", "none", "left"],
      ["/opt/a/b", "none", "deleted"],
    ]);
  });

  test("takes away those that berth made, and leaves those of others", () => {
    const entries = [made("/opt/a"), made("/opt/b")];
    const found = { "/opt/a": { type: "directory" }, "/opt/b": { type: "directory" } } as const;
    expect(actions([], { entries, found, others: { "/opt/b": [B] } })).toEqual([
      ["/opt/a", "rmdir", "removed"],
      ["/opt/b", "none", "left"],
    ]);
  });

  test("a file in the place of a directory is in the way of all that would lie in it", () => {
    expect(actions([file("new", "/opt/a/b")], { found: { "/opt": OLD } })).toEqual([
      ["/opt", "none", "conflict"],
      ["/opt/a", "none", "conflict"],
      ["/opt/a/b", "none", "conflict"],
    ]);
  });

  test("a file of an earlier version makes room for a directory", () => {
    const entries = [{ path: "/opt", versions: [OLD], made: true }];
    expect(actions([file("new", "/opt/a")], { entries, found: { "/opt": OLD } })).toEqual([
      ["/opt", "mkdir", "replaced"],
      ["/opt/a", "place", "created"],
    ]);
  });
});
