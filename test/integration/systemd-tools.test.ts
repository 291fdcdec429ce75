import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { followLines, lastLines } from "../../src/systemd/journal.ts";
import { createTmpfiles, removeTmpfiles } from "../../src/systemd/tmpfiles.ts";
import { complaintsOf, verifyUnit } from "../../src/systemd/verify.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "berth-tools-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

/** A journalctl of our own, first in PATH, that records its arguments. */
async function journalctl(script: string): Promise<() => Promise<string[]>> {
  const path = join(directory, "journalctl");
  await writeFile(
    path,
    `#!/bin/sh\nfor a; do echo "$a"; done >>${directory}/args\ncase $1 in --sync) exit 0;; esac\n${script}\n`,
  );
  await chmod(path, 0o755);
  vi.stubEnv("PATH", `${directory}${delimiter}${process.env["PATH"]}`);
  return async () => (await readFile(join(directory, "args"), "utf8")).trim().split("\n");
}

describe("lastLines()", () => {
  test("asks for the unit's last lines, after a sync, and gives them", async () => {
    const args = await journalctl("echo two; echo '  more of two'; echo one");
    expect(await lastLines("a.service", 5, { since: new Date(1500) })).toEqual([
      "one",
      "two",
      "  more of two",
    ]);
    expect(await args()).toEqual([
      "--sync",
      "--unit=a.service",
      "--lines=5",
      "--no-pager",
      "--quiet",
      "--output=short",
      "--since=@1.5",
      "--reverse",
    ]);
  });

  test("a unit's name is one argument, whatever is in it", async () => {
    const args = await journalctl("");
    expect(await lastLines("a b; $(id) --merge.service", 1)).toEqual([]);
    expect((await args())[1]).toBe("--unit=a b; $(id) --merge.service");
  });

  test("no journal is no lines", async () => {
    await journalctl("echo 'No journal files were found.' >&2; exit 1");
    expect(await lastLines("a.service", 5)).toEqual([]);
  });

  test("another failure is told", async () => {
    await journalctl("echo 'Failed to open' >&2; exit 1");
    await expect(lastLines("a.service", 5)).rejects.toMatchObject({
      code: "JOB_FAILED",
      message: "journalctl cannot show the log of a.service: Failed to open",
    });
  });

  test("without journalctl fails with NO_SYSTEMD", async () => {
    vi.stubEnv("PATH", directory);
    await expect(lastLines("a.service", 5)).rejects.toMatchObject({
      code: "NO_SYSTEMD",
      message: "journalctl is not installed",
    });
  });

  test("ends with INTERRUPTED when the signal aborts", async () => {
    await journalctl("exec sleep 60");
    await expect(lastLines("a.service", 5, { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
  });
});

describe("followLines()", () => {
  test("gives lines as they come and ends quietly when the signal aborts", async () => {
    await journalctl("echo one; echo two; exec sleep 60");
    const controller = new AbortController();
    const seen: string[] = [];
    for await (const line of followLines("a.service", { lines: 2, signal: controller.signal })) {
      seen.push(line);
      if (seen.length === 2) controller.abort();
    }
    expect(seen).toEqual(["one", "two"]);
  });

  test("journalctl goes away when the reader stops", async () => {
    await journalctl(`echo $$ >${directory}/pid; echo one; exec sleep 60`);
    for await (const line of followLines("a.service", { lines: 1 })) {
      expect(line).toBe("one");
      break;
    }
    const pid = Number(await readFile(join(directory, "pid"), "utf8"));
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test("a journalctl that fails is told", async () => {
    await journalctl("exit 1");
    await expect(followLines("a.service", { lines: 1 }).next()).rejects.toMatchObject({ code: "JOB_FAILED" });
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("tmpfiles", () => {
  test("createTmpfiles() and removeTmpfiles() do what a file says", async () => {
    const file = join(directory, "x.conf");
    const target = join(directory, "made");
    await writeFile(file, `D ${target} 0750 - - -\nf ${target}/file 0640 - - - hello\n`);
    await createTmpfiles(file);
    expect((await stat(target)).mode & 0o777).toBe(0o750);
    expect(await readFile(`${target}/file`, "utf8")).toBe("hello");
    await removeTmpfiles(file);
    await expect(stat(`${target}/file`)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("removeTmpfiles() leaves what is not of those it is told", async () => {
    const file = join(directory, "x.conf");
    const [mine, other] = [join(directory, "mine"), join(directory, "other")];
    await writeFile(file, [mine, other].map((path) => `D ${path} 0750\nf ${path}/file\n`).join(""));
    await createTmpfiles(file);
    await removeTmpfiles(file, { only: [] });
    expect((await stat(`${mine}/file`)).isFile()).toBe(true);
    await removeTmpfiles(file, { only: [mine] });
    await expect(stat(`${mine}/file`)).rejects.toMatchObject({ code: "ENOENT" });
    expect((await stat(`${other}/file`)).isFile()).toBe(true);
  });

  test("createTmpfiles() tells what is wrong with a file", async () => {
    const file = join(directory, "x.conf");
    await writeFile(file, "nonsense\n");
    await expect(createTmpfiles(file)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/^systemd-tmpfiles cannot apply .*x\.conf: .*x\.conf:1/),
    });
  });
});

describe("verifyUnit()", () => {
  test.each([
    ["a good unit", "[Service]\nExecStart=/bin/true\n", []],
    ["a program that is missing", "[Service]\nRootDirectory=/nonexistent\nExecStart=/nonexistent/app\n", []],
    [
      "a unit that is missing",
      "[Unit]\nRequires=nonexistent-x.service\n[Service]\nExecStart=/bin/true\n",
      [],
    ],
    ["an unknown key", "[Service]\nExecStart=/bin/true\nFoo=1\n", [/^line 3: Unknown key.*Foo/]],
    [
      "a relative path",
      "[Service]\nExecStart=/bin/true\nRootDirectory=x\n",
      [/^line 3: .*not absolute/, /./],
    ],
    ["no program", "[Service]\nType=simple\n", [/^Service has no ExecStart=/]],
    ["unbalanced quotes", '[Service]\nExecStart=/bin/true "\n', [/^line 2: /, /./, /./]],
  ])("%s", async (_, text, complaints) => {
    const found = await verifyUnit("a.service", text);
    expect(found.length > 0).toBe(complaints.length > 0);
    if (complaints[0] !== undefined) expect(found[0]).toMatch(complaints[0]);
  });

  test("without systemd-analyze there are no complaints", async () => {
    vi.stubEnv("PATH", directory);
    expect(await verifyUnit("a.service", "[Service]\n")).toEqual([]);
  });

  test("what is said of other units does not count", () => {
    const stderr = [
      "/lib/systemd/system/other.service:3: Unknown key 'X' in section [Unit], ignoring.",
      "/tmp/d/a.service:4: Unknown key 'Y' in section [Unit], ignoring.",
      "other.service: Command /bin/x is not executable: No such file or directory",
      "a.service: Command /bin/x is not executable: No such file or directory",
      "a.service: Failed to create a.service/start: Unit b.service not found.",
      "a.service: Service has no ExecStart=.",
    ].join("\n");
    expect(complaintsOf(stderr, { unit: "a.service", file: "/tmp/d/a.service" })).toEqual([
      "line 4: Unknown key 'Y' in section [Unit], ignoring.",
      "Service has no ExecStart=.",
    ]);
  });
});
