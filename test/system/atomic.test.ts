/** Atomic's habits, as `atomic`, in a booted system. The name of a test begins with the numbers of the statements that it shows. */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { numbersOf, packageStatements, statements, table } from "../support/atomic-statements.ts";
import { type AtomicImageName, atomicImageNames, atomicImages } from "../support/lab/atomic-images.ts";
import { footprint } from "../support/lab/footprint.ts";
import type { RunResult } from "../support/lab/machine.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const checkouts = "/var/lib/berth/containers";
const secret = "d5a8b3c1";
let before: string[];

const atomic = (...words: string[]): Promise<RunResult> => lab.run(["atomic", ...words]);
const done = (...words: string[]): Promise<string> => lab.output(["atomic", ...words]);
const image = (name: AtomicImageName): string => `localhost:5000/atomic/${name}:latest`;
const configOf = (name: string): Promise<string> => lab.output(["cat", `${checkouts}/${name}/config.json`]);
const linkOf = (name: string): Promise<string> => lab.output(["readlink", `${checkouts}/${name}`]);
const stateOf = async (name: string): Promise<string> =>
  (await lab.run(["systemctl", "is-active", name])).stdout;
const exists = async (path: string): Promise<boolean> => (await lab.run(["test", "-e", path])).exitCode === 0;

async function present(...paths: string[]): Promise<string[]> {
  const there: string[] = [];
  for (const path of paths) if (await exists(path)) there.push(path);
  return there;
}

const failed = new Set<number>();
afterEach(({ task }) => {
  for (const number of numbersOf(task.name)) {
    if (task.result?.state === "fail") failed.add(number);
    else failed.delete(number);
  }
});

beforeAll(async () => {
  // What stays of any first install: the directories of the store.
  await lab.output(["berth", "install", "localhost:5000/web", "--name", "page", "--no-start"]);
  await lab.output(["berth", "uninstall", "page", "--purge"]);
  await done("-y", "images", "delete", "--all");
  before = await footprint(lab);
  await cp(await atomicImages(), join(lab.dir, "var/atomic-images"), { recursive: true });
  for (const name of atomicImageNames)
    await lab.output(["berth", "copy", `oci:/var/atomic-images/${name}:latest`, image(name)]);
}, 300_000);

afterAll(async () => {
  const { stdout } = await atomic("containers", "list", "-aq", "--no-trunc");
  for (const name of stdout.split("\n").filter(Boolean))
    await lab.run(["berth", "uninstall", name, "--purge"]);
  await atomic("-y", "images", "delete", "--all");
  await rm(join(lab.dir, "var/atomic-images"), { recursive: true, force: true });
});

describe("install", () => {
  const name = "greeter";
  const files = [
    `/etc/tmpfiles.d/${name}.conf`,
    `/etc/systemd/system/${name}.service`,
    ...[`${name}.service`, `tmpfiles-${name}.conf`, "config.json", "info"].map(
      (file) => `${checkouts}/${name}.0/${file}`,
    ),
  ];

  test("1, 3, 4: install --system writes what Atomic's did, and starts nothing", async () => {
    const said = await done(
      "install",
      `--name=${name}`,
      `--set=RECEIVER=${secret}`,
      "--system",
      `oci:${image("system-hello")}`,
    );
    expect(said).toContain(`Extracting to ${checkouts}/${name}.0`);
    expect(await present(...files)).toEqual(files);
    const config = await configOf(name);
    expect(config).toContain(secret);
    expect(config).toContain("8081");
    expect(await stateOf(name)).toBe("inactive");
    expect(await lab.output(["systemctl", "is-enabled", name])).toBe("enabled");
  });

  test("9: a second install is no error", async () => {
    const again = await atomic("install", `--name=${name}`, "--system", image("system-hello"));
    expect([again.exitCode, again.stdout]).toEqual([0, `${name} already present`]);
  });

  test("8: uninstall removes all of it", async () => {
    await done("uninstall", name);
    expect(await present(...files, `${checkouts}/${name}`, `${checkouts}/${name}.0`)).toEqual([]);
  });

  test("10, 11: a variable without a value is named, and with --set the install succeeds", async () => {
    const words = ["install", `--name=${name}`, "--system"];
    const { exitCode, stdout, stderr } = await atomic(...words, image("system-next"));
    expect(exitCode).toBe(1);
    expect(stdout + stderr).toContain("unreplaced value for: ''VAR_WITH_NO_DEFAULT''");
    expect(await present(...files, `${checkouts}/${name}.0`)).toEqual([]);
    await done(...words, `--set=VAR_WITH_NO_DEFAULT=${secret}`, image("system-next"));
    expect(await configOf(name)).toContain(secret);
    await done("uninstall", name);
  });

  test("12: install from an archive", async () => {
    await lab.output(["berth", "copy", image("system-hello"), `docker-archive:/var/any.tar:${name}:latest`]);
    await done("install", `--name=${name}`, "--system", "dockertar:/var/any.tar");
    expect(await present(...files)).toEqual(files);
    await done("uninstall", name);
    await lab.output(["rm", "/var/any.tar"]);
  });

  test("17: a name may end in .0", async () => {
    await done("install", "--name=container.0", "--system", image("system-hello"));
    const made = [
      "/etc/systemd/system/container.0.service",
      `${checkouts}/container.0`,
      `${checkouts}/container.0.0`,
    ];
    expect(await present(...made)).toEqual(made);
    await done("uninstall", "container.0");
    expect(await present(...made)).toEqual([]);
  });

  test("46, 86: a runtime that is not there", async () => {
    const words = [
      "install",
      `--name=${name}`,
      "--system",
      "--runtime=/does/not/exist",
      image("system-hello"),
    ];
    const { exitCode, stderr } = await atomic(...words);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("is not installed")]);
  });

  test("45: a program that is named as the runtime is in the unit", async () => {
    await done("install", `--name=${name}`, "--system", "--runtime=/bin/ls", image("system-hello"));
    expect(await lab.output(["cat", `/etc/systemd/system/${name}.service`])).toContain("/bin/ls");
    await done("uninstall", name);
  });

  test("the oldest shape of a configuration runs", async () => {
    await done("install", "--name=old", "--system", image("system-old"));
    await done("run", "old");
    expect(await stateOf("old")).toBe("active");
    await done("uninstall", "old");
  });

  test("a service that tells its readiness, after another", async () => {
    await done("install", "--name=first", "--system", image("system-hello"));
    await done("install", "--name=second", "--system", "--set=AFTER=first.service", image("system-notify"));
    await done("run", "second");
    expect([await stateOf("first"), await stateOf("second")]).toEqual(["active", "active"]);
    expect(await lab.output(["systemctl", "show", "second", "--value", "--property=StatusText"])).toContain(
      "Hi World",
    );
    await done("-y", "containers", "delete", "second", "first");
  });
});

describe("life", () => {
  const name = "greeter";

  beforeAll(async () => {
    await done("install", `--name=${name}`, `--set=RECEIVER=${secret}`, "--system", image("system-hello"));
  });

  test("18, 83: run in a stopped container", async () => {
    expect(await done("run", "--storage", "ostree", name, "echo", "hello world")).toBe("hello world");
    expect((await atomic("run", "--detach", name, "echo")).stderr).toContain(
      "Cannot use --detach with not running containers",
    );
    expect((await atomic("run", "nobody", "echo")).stderr).toContain("The container 'nobody' doesn't exist");
    expect((await atomic("run", "--name=x", name, "echo")).stderr).toContain(
      "--name is not supported by this backend",
    );
  });

  test("19, 20, 21: run in a running container, with a runtime named", async () => {
    await lab.output(["systemctl", "start", name]);
    expect(await lab.output(["systemctl", "status", name, "--no-pager"])).toContain(
      "Active: active (running)",
    );
    const run = ["run", "--storage", "ostree", name, "echo", "hello world again"];
    expect(await done(...run)).toBe("hello world again");
    expect(await done("run", "--runtime", "/usr/bin/runc", ...run.slice(1))).toBe("hello world again");
  });

  test("23, 24, 25, 28: containers list shows it", async () => {
    const shown = await done("containers", "list");
    for (const text of ["/usr/bin/g", "running", "ostree", "runc"]) expect(shown).toContain(text);
    for (const options of [["--no-trunc"], ["--all"], ["--json"], ["--all", "--no-trunc"]])
      expect(await done("containers", "list", ...options)).toContain(name);
    expect(await done("containers", "list", "--filter", "image=system-hello")).toContain(name);
    expect(await done("containers", "list", "--no-trunc", "--filter", "backend=ostree")).toContain(name);
    expect(await done("ps", "--noheading")).toContain("running");
  });

  test("26, 27: containers list --quiet", async () => {
    expect(await done("containers", "list", "--quiet")).not.toContain("CONTAINER ID");
    expect(await done("containers", "list", "--no-trunc", "--quiet")).toContain(name);
    const none = ["containers", "list", "-aq", "--no-trunc", "--filter", "container=non-existing-system"];
    expect(await done(...none)).not.toContain(name);
  });

  test("22, 28, 29: stop and run without a command", async () => {
    await done("stop", name);
    const { exitCode, stdout } = await lab.run(["systemctl", "status", name, "--no-pager"]);
    expect([exitCode, stdout]).toEqual([3, expect.stringContaining("Active: inactive")]);
    expect(await done("containers", "list")).not.toContain(name);
    expect(await done("containers", "list", "--all")).toContain("inactive");
    await done("run", name);
    expect(await stateOf(name)).toBe("active");
    await done("stop", name);
    expect(await stateOf(name)).toBe("inactive");
  });

  test("30: an update with nothing new", async () => {
    expect(await done("containers", "update", name)).toBe("Latest version already installed.");
  });

  test("31, 32, 33, 34: an update with a value", async () => {
    const uuid = async (): Promise<string> =>
      JSON.parse(await lab.output(["cat", `${checkouts}/${name}/info`])).values.UUID;
    const old = await uuid();
    expect(old).toMatch(/^[0-9a-z]{8}(-[0-9a-z]{4}){3}-[0-9a-z]{12}$/);
    await done("containers", "update", "--set=PORT=8082", name);
    const made = [`${name}.service`, `tmpfiles-${name}.conf`, "rootfs"].map(
      (file) => `${checkouts}/${name}.1/${file}`,
    );
    expect(await present(...made)).toEqual(made);
    expect(await linkOf(name)).toBe(`${name}.1`);
    const config = await configOf(name);
    expect(config).toContain(secret);
    expect(config).toContain("8082");
    expect(await uuid()).toBe(old);
    await done("run", name);
    expect(await stateOf(name)).toBe("active");
    await done("stop", name);
  });

  test("35: rollback", async () => {
    const said = await done("containers", "rollback", name);
    expect(said.split("\n")).toEqual([
      `Attempting to roll back system container: ${name}`,
      `Rolling back container ${name} to the checkout at ${checkouts}/${name}.0`,
    ]);
    expect(await linkOf(name)).toBe(`${name}.0`);
    const config = await configOf(name);
    expect(config).toContain("8081");
    expect(config).toContain(secret);
    await done("run", name);
    expect(await stateOf(name)).toBe("active");
  });

  test("36: a second rollback returns, and the service runs on", async () => {
    await done("containers", "rollback", name, "--watch", "1");
    expect([await linkOf(name), await stateOf(name)]).toEqual([`${name}.1`, "active"]);
  });

  test("37: a further update takes the first number again", async () => {
    await done("containers", "update", name, "--set", "PORT=8083", "--watch", "1");
    expect([await linkOf(name), await stateOf(name)]).toEqual([`${name}.0`, "active"]);
  });

  test("38: images update --all and containers update --all", async () => {
    await done("images", "tag", image("system-hello"), "short:latest");
    const { exitCode, stderr } = await atomic("images", "update", "--storage=ostree", "--all");
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining("skipping")]);
    await done("-y", "images", "delete", "short:latest");
    const said = await done("containers", "update", "--all");
    expect(said).toMatch(
      /^SUMMARY\nContainer +Image ID before update +Image ID after update +Latest image ID +Status\n/,
    );
    expect(said).toMatch(new RegExp(`\n${name} .* Updated$`));
  });

  test("39: an update to the same image", async () => {
    expect(await done("containers", "update", name, "--rebase", image("system-hello"))).toBe(
      "Latest version already installed.",
    );
    expect(await linkOf(name)).toBe(`${name}.0`);
  });

  test("40: an update to an image that lacks a value changes nothing", async () => {
    const { exitCode, stderr } = await atomic("containers", "update", name, "--rebase", image("system-next"));
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringContaining("unreplaced value for: ''VAR_WITH_NO_DEFAULT''"),
    ]);
    expect(await linkOf(name)).toBe(`${name}.0`);
  });

  test("41: with the value it goes, and the service runs on", async () => {
    const words = ["containers", "update", name, "--rebase", image("system-next"), "--watch", "1"];
    await done(...words, "--set", "VAR_WITH_NO_DEFAULT=given");
    expect(await configOf(name)).toContain("given");
    expect(await stateOf(name)).toBe("active");
  });

  test("42: rollback restores image and values", async () => {
    await done("containers", "rollback", name, "--watch", "1");
    const config = await configOf(name);
    expect(config).toContain(secret);
    expect(config).toContain("8083");
    expect(config).not.toContain("given");
  });

  test("50: containers delete", async () => {
    await done("-y", "containers", "delete", name);
    expect(await present(`${checkouts}/${name}`, `/etc/systemd/system/${name}.service`)).toEqual([]);
  });
});

describe("images", () => {
  test("47, 49: an image without /exports is pulled, installed, and marked", async () => {
    await done("pull", "--storage", "ostree", "localhost:5000/web");
    expect(await done("images", "list")).not.toContain(">  localhost:5000/web");
    await done("install", "--system", "--name=page", "localhost:5000/web");
    expect(await done("images", "list")).toContain(">  localhost:5000/web");
    await done("-y", "containers", "delete", "page");
  });

  test("57: images info shows labels and variables", async () => {
    await done("pull", image("system-next"));
    const lines = (await done("images", "info", "--storage", "ostree", image("system-next"))).split("\n");
    expect(lines[0]).toBe(`Image Name: ${image("system-next")}`);
    for (const line of [
      "atomic.type: system",
      "Template variables with default value, but overridable with --set:",
      "PORT: 8081",
      "Template variables that has no default value, and must be set with --set:",
      "VAR_WITH_NO_DEFAULT: {DEF_VALUE}",
    ])
      expect(lines).toContain(line);
  });

  test("58: images version and images verify", async () => {
    expect(await done("images", "version", "--storage", "ostree", image("system-next"))).toContain("2.0-1");
    expect(await done("images", "verify", "--storage", "ostree", image("system-next"))).toContain("False");
  });
});

test("nothing is left", async () => {
  await atomic("-y", "images", "delete", "--all");
  expect(await footprint(lab)).toEqual(before);
});

test("every statement has a test that passes, or a difference with its reason", async () => {
  const shown = await table(failed);
  process.stdout.write(
    `\n${shown.map(({ number, verdict, says }) => `${String(number).padStart(3)}  ${verdict.padEnd(10)}  ${says}`).join("\n")}\n\n`,
  );
  expect(shown.filter(({ verdict }) => verdict === "FAILED" || verdict === "NO TEST")).toEqual([]);
  const wanted = [...range(1, 64), 68, ...range(70, 94)];
  expect(Object.keys(statements).map(Number)).toEqual(wanted);
  expect(Object.keys(packageStatements).map(Number)).toEqual([65, 66, 67, 69]);
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
