import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { packageOwner } from "../../../src/deploy/package-owner.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

async function rootWith(files: Record<string, string>): Promise<string> {
  const root = await temporaryDirectory("root");
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

describe("packageOwner() by dpkg's lists", () => {
  test.each([
    ["/etc/app.conf", "app"],
    ["/etc/app", undefined],
    ["/usr/lib/app/tool", "app-libs"],
    // dpkg knows it by the name from before /lib moved.
    ["/usr/lib/systemd/system/old.service", "old"],
    ["/usr/bin/other", undefined],
  ])("of %s is %s", async (path, owner) => {
    const root = await rootWith({
      "var/lib/dpkg/info/app.list": "/.\n/etc\n/etc/app.conf\n/etc/app.conf.d",
      "var/lib/dpkg/info/app-libs:amd64.list": "/usr/lib/app/tool\n",
      "var/lib/dpkg/info/old.list": "/lib/systemd/system/old.service\n",
      "var/lib/dpkg/info/app.md5sums": "0123 etc/app\n",
    });
    expect(await packageOwner(root, path)).toBe(owner);
  });
});

describe("packageOwner() by rpm", () => {
  const RPM = `#!/bin/sh
[ "$1" = --root ] && [ "$3" = -qf ] || exit 2
case $6 in /etc/app.conf) echo app ;; *) echo "file $6 is not owned by any package"; exit 1 ;; esac
`;

  async function withRpm(): Promise<string> {
    const root = await rootWith({ "usr/lib/sysimage/rpm/rpmdb.sqlite": "", "bin/rpm": RPM });
    await chmod(join(root, "bin/rpm"), 0o755);
    const { PATH } = process.env;
    process.env["PATH"] = `${join(root, "bin")}:${PATH}`;
    onTestFinished(() => {
      process.env["PATH"] = PATH;
    });
    return root;
  }

  test("of a file of a package is its name", async () => {
    expect(await packageOwner(await withRpm(), "/etc/app.conf")).toBe("app");
  });

  test("of another is none", async () => {
    expect(await packageOwner(await withRpm(), "/etc/other.conf")).toBe(undefined);
  });
});

test("packageOwner() of a host without a database is none", async () => {
  expect(await packageOwner(await rootWith({}), "/etc/app.conf")).toBe(undefined);
});
