import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterEach, describe, expect, test } from "vitest";
import { disableOffline, enableOffline } from "../../src/systemd/offline.ts";

const ETC = "/etc/systemd/system";
const service = (install: string): string => `[Service]\nExecStart=/bin/true\n\n[Install]\n${install}\n`;

const roots: string[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await rm(root, { recursive: true });
});

/** A tree with these files; a value that begins with `->` is a symbolic link. */
async function tree(files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "berth-root-"));
  roots.push(root);
  await mkdir(join(root, ETC), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    if (text.startsWith("->")) await symlink(text.slice(2), join(root, path));
    else await writeFile(join(root, path), text);
  }
  return root;
}

/** What lies in the tree: links with their text, files and directories. */
async function listing(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const lines = await Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const shown = path.slice(root.length);
      if (entry.isSymbolicLink()) return `${shown} -> ${await readlink(path)}`;
      return entry.isDirectory() ? `${shown}/` : `${shown} ${(await readFile(path, "utf8")).length}`;
    }),
  );
  return lines.sort();
}

const cases: [what: string, files: Record<string, string>, unit: string, directory?: string][] = [
  ["WantedBy=", { [`${ETC}/a.service`]: service("WantedBy=multi-user.target") }, "a.service"],
  [
    "several targets, quotes, repeated keys and an empty assignment",
    {
      [`${ETC}/a.service`]: service(
        'WantedBy=lost.target\nWantedBy=\nWantedBy=a.target "b.target"\nWantedBy=c.target',
      ),
    },
    "a.service",
  ],
  [
    "RequiredBy= and Alias=",
    { [`${ETC}/a.service`]: service("RequiredBy=docker.service\nAlias=b.service") },
    "a.service",
  ],
  [
    "Also= in a circle, and a missing one",
    {
      [`${ETC}/a.service`]: service("WantedBy=x.target\nAlso=a.socket missing.service"),
      [`${ETC}/a.socket`]:
        "[Socket]\nListenStream=/run/x\n[Install]\nWantedBy=sockets.target\nAlso=a.service\n",
    },
    "a.service",
  ],
  [
    "a unit in /usr/local/lib/systemd/system",
    { "/usr/local/lib/systemd/system/a.service": service("WantedBy=x.target\nAlias=b.service") },
    "a.service",
    "/usr/local/lib/systemd/system",
  ],
  ["specifiers", { [`${ETC}/a-b.service`]: service("WantedBy=%p-%N.target %p.target") }, "a-b.service"],
  [
    "drop-ins, the first directory's of one name",
    {
      "/usr/lib/systemd/system/a.service": service("WantedBy=a.target"),
      "/usr/lib/systemd/system/a.service.d/20-x.conf": "[Install]\nWantedBy=hidden.target\n",
      "/usr/lib/systemd/system/a.service.d/10-y.conf": "[Install]\nWantedBy=\nWantedBy=y.target\n",
      [`${ETC}/a.service.d/20-x.conf`]: "[Install]\nWantedBy=x.target\n",
      [`${ETC}/a.service.d/README`]: "[Install]\nWantedBy=no.target\n",
    },
    "a.service",
    "/usr/lib/systemd/system",
  ],
  ["no [Install] section", { [`${ETC}/a.service`]: "[Service]\nExecStart=/bin/true\n" }, "a.service"],
  [
    "a link that points elsewhere",
    {
      [`${ETC}/a.service`]: service("WantedBy=x.target"),
      [`${ETC}/x.target.wants/a.service`]: "->/elsewhere/a.service",
    },
    "a.service",
  ],
  [
    "a link that is right already, relative",
    {
      [`${ETC}/a.service`]: service("WantedBy=x.target"),
      [`${ETC}/x.target.wants/a.service`]: "->../a.service",
    },
    "a.service",
  ],
];

describe.each(cases)("%s", (_, files, unit, directory = ETC) => {
  test("enableOffline() makes the links of `systemctl --root`, once", async () => {
    const [ours, theirs] = [await tree(files), await tree(files)];
    const before = await listing(ours);
    await execa("systemctl", [`--root=${theirs}`, "enable", unit]);
    const made = await enableOffline(ours, unit, join(ours, directory));
    const after = await listing(ours);
    expect(after).toEqual(await listing(theirs));
    const isLink = (line: string): boolean => line.includes(" -> ");
    expect(made.map((path) => path.slice(ours.length)).sort()).toEqual(
      after.filter((line) => isLink(line) && !before.includes(line)).map((line) => line.split(" -> ")[0]),
    );
    expect(await enableOffline(ours, unit, join(ours, directory))).toEqual([]);
  });

  test("disableOffline() removes the links of `systemctl --root`, once", async () => {
    const [ours, theirs] = [await tree(files), await tree(files)];
    for (const root of [ours, theirs]) await execa("systemctl", [`--root=${root}`, "enable", unit]);
    await execa("systemctl", [`--root=${theirs}`, "disable", unit]);
    await disableOffline(ours, unit, join(ours, directory));
    expect(await listing(ours)).toEqual(await listing(theirs));
    expect(await disableOffline(ours, unit, join(ours, directory))).toEqual([]);
  });
});

test("disableOffline() of a unit whose file is gone removes its links and aliases, as systemctl does", async () => {
  const files = {
    [`${ETC}/x.target.wants/a.service`]: "->/etc/systemd/system/a.service",
    [`${ETC}/y.target.requires/a.service`]: "->../a.service",
    [`${ETC}/b.service`]: "->/elsewhere/a.service",
    [`${ETC}/x.target.wants/other.service`]: "->../other.service",
    [`${ETC}/other.service`]: service("WantedBy=x.target"),
  };
  const [ours, theirs] = [await tree(files), await tree(files)];
  await execa("systemctl", [`--root=${theirs}`, "disable", "a.service"]);
  expect(await disableOffline(ours, "a.service", join(ours, ETC))).toHaveLength(3);
  expect(await listing(ours)).toEqual(await listing(theirs));
});

test("disableOffline() removes an alias of an alias too", async () => {
  const root = await tree({
    [`${ETC}/a.service`]: service("Alias=b.service"),
    [`${ETC}/b.service`]: "->/etc/systemd/system/a.service",
    [`${ETC}/c.service`]: "->b.service",
  });
  await disableOffline(root, "a.service", join(root, ETC));
  expect(await listing(root)).toEqual([
    `/etc/`,
    "/etc/systemd/",
    `${ETC}/`,
    expect.stringContaining(`${ETC}/a.service `),
  ]);
});

test("disableOffline() leaves the admin's mask and nothing else", async () => {
  const root = await tree({
    [`${ETC}/a.service`]: "->/dev/null",
    [`${ETC}/x.target.wants/a.service`]: "->/x/a.service",
  });
  expect(await disableOffline(root, "a.service", join(root, ETC))).toEqual([
    join(root, ETC, "x.target.wants/a.service"),
  ]);
  expect(await listing(root)).toEqual(["/etc/", "/etc/systemd/", `${ETC}/`, `${ETC}/a.service -> /dev/null`]);
});

test("disableOffline() in a tree without /etc/systemd/system has nothing to do", async () => {
  const root = await tree({});
  await rm(join(root, "etc"), { recursive: true });
  expect(await disableOffline(root, "a.service", join(root, ETC))).toEqual([]);
});

test.each([
  ["a missing unit", {}, "JOB_FAILED"],
  ["a masked unit", { [`${ETC}/a.service`]: "->/dev/null" }, "JOB_FAILED"],
  ["a name that is none", { [`${ETC}/a.service`]: service("WantedBy=../../evil") }, "UNIT_INVALID"],
  ["an alias of another type", { [`${ETC}/a.service`]: service("Alias=a.socket") }, "UNIT_INVALID"],
  [
    "a specifier of the running system",
    { [`${ETC}/a.service`]: service("WantedBy=%H.target") },
    "UNIT_INVALID",
  ],
  [
    "an alias that is a unit already",
    { [`${ETC}/a.service`]: service("Alias=b.service"), [`${ETC}/b.service`]: service("") },
    "HOST_FILE_CONFLICT",
  ],
])("enableOffline() refuses %s", async (_, files, code) => {
  const root = await tree(files);
  await expect(enableOffline(root, "a.service", join(root, ETC))).rejects.toMatchObject({ code });
});

test("enableOffline() follows no link out of the tree", async () => {
  const outside = await tree({});
  const files = {
    [`${ETC}/a.service`]: service("WantedBy=x.target"),
    [`${ETC}/x.target.wants`]: `->${outside}`,
  };
  const root = await tree(files);
  await expect(enableOffline(root, "a.service", join(root, ETC))).rejects.toMatchObject({
    code: "HOST_FILE_CONFLICT",
  });
  expect(await listing(outside)).toEqual(["/etc/", "/etc/systemd/", "/etc/systemd/system/"]);
});
