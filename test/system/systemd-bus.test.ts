import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { UnitState } from "../../src/systemd/systemd.ts";
import {
  quoteEnvironmentFile,
  quoteExec,
  quotePath,
  quotePathValue,
  quoteTmpfs,
  quoteValue,
} from "../../src/unit/quote.ts";
import { appendValue, formatUnit, type UnitFile } from "../../src/unit/unit-file.ts";
import { hostileStrings, isEnvironmentSafe } from "../support/hostile-strings.ts";
import { projectInside } from "../support/lab/machine.ts";
import { machine } from "../support/lab/shared-machine.ts";
import type { Outcome, Probe, ProbeCall } from "../support/lab/systemd-probe.ts";

const lab = machine();
const node = `${projectInside}/node_modules/.bin/node`;
const units = "/run/systemd/system";
const scratch = "/run/berth-test";

async function probe(calls: ProbeCall[], more: Omit<Probe, "calls"> = {}): Promise<Outcome[]> {
  const input = JSON.stringify({ calls, ...more });
  const { stdout, stderr, exitCode } = await lab.node("test/support/lab/systemd-probe.ts", [], { input });
  if (exitCode !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Outcome[];
}

async function write(path: string, text: string): Promise<void> {
  await lab.output(["sh", "-c", 'mkdir -p "$(dirname "$0")" && cat >"$0"', path], { input: text });
}

async function writeUnit(name: string, text: string): Promise<void> {
  await write(`${units}/${name}`, text);
}

beforeAll(async () => {
  const oneshot = (command: string): string => `[Service]\nType=oneshot\n${command}\n`;
  await writeUnit("bt-slow.service", oneshot("ExecStart=/bin/sleep 2"));
  await writeUnit(
    "bt-good.service",
    "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
  );
  await writeUnit("bt-bad.service", oneshot("ExecStart=/bin/sh -c 'echo this is why; exit 3'"));
  await writeUnit(
    "bt-hang.service",
    "[Service]\nType=notify\nTimeoutStartSec=1\nExecStart=/bin/sleep infinity\n",
  );
  await writeUnit(
    "bt-dependent.service",
    `[Unit]\nRequires=bt-bad.service\nAfter=bt-bad.service\n${oneshot("ExecStart=/bin/true")}`,
  );
  await writeUnit(
    "bt-assert.service",
    `[Unit]\nAssertPathExists=/nonexistent\n${oneshot("ExecStart=/bin/true")}`,
  );
  await writeUnit("bt-broken.service", "[Service]\nType=simple\n");
  await lab.output(["ln", "-s", "/dev/null", `${units}/bt-masked.service`]);
  for (let index = 0; index < 30; index += 1) {
    await writeUnit(
      `bt-many-${index}.service`,
      oneshot(`ExecStart=/bin/${index % 2 === 0 ? "true" : "false"}`),
    );
  }
  await lab.output(["systemctl", "daemon-reload"]);
});

afterAll(async () => {
  await lab.run(["sh", "-c", "systemctl stop 'bt-*'; systemctl disable bt-good.service"]);
  await lab.output(["sh", "-c", `rm -rf ${units}/bt-* ${scratch}`]);
  await lab.output(["systemctl", "daemon-reload"]);
  await lab.output(["systemctl", "reset-failed"]);
});

describe.each([
  ["the system bus", {}],
  ["the private socket", { address: "unix:path=/nonexistent" }],
])("systemd over %s", (_, options) => {
  test.each([
    ["bt-good.service", { value: "done" }],
    ["bt-bad.service", { value: "failed" }],
    ["bt-hang.service", { value: "failed" }],
    ["bt-dependent.service", { value: "dependency" }],
    ["bt-assert.service", { value: "assert" }],
    [
      "bt-none.service",
      { code: "JOB_FAILED", message: "systemd cannot start bt-none.service: it knows no such unit" },
    ],
    [
      "bt-masked.service",
      { code: "JOB_FAILED", message: "systemd cannot start bt-masked.service: the unit is masked" },
    ],
    ["bt-broken.service", { code: "UNIT_INVALID", message: expect.stringContaining("bt-broken.service") }],
  ])("start() of %s", async (unit, expected) => {
    expect(await probe([["start", unit]], { options })).toEqual([expected]);
  });

  test("start() of what runs, restart() and stop() are done", async () => {
    const calls: ProbeCall[] = [
      ["start", "bt-good.service"],
      ["start", "bt-good.service"],
      ["restart", "bt-good.service"],
      ["stop", "bt-good.service"],
      ["stop", "bt-good.service"],
    ];
    expect(await probe(calls, { options })).toEqual(calls.map(() => ({ value: "done" })));
  });

  test("30 jobs at a time each get their own result", async () => {
    const calls = Array.from({ length: 30 }, (__, index): ProbeCall => ["start", `bt-many-${index}.service`]);
    const expected = calls.map((__, index) => ({ value: index % 2 === 0 ? "done" : "failed" }));
    expect(await probe(calls, { options, parallel: true })).toEqual(expected);
  });

  test("500 questions at a time are all answered", async () => {
    const calls = Array.from({ length: 500 }, (): ProbeCall => ["property", "bt-good.service", "Unit", "Id"]);
    const answers = await probe(calls, { options, parallel: true });
    expect(answers).toEqual(calls.map(() => ({ value: "bt-good.service" })));
  });

  test("unit() tells of a running service what systemctl tells", async () => {
    const [started, unit] = await probe(
      [
        ["start", "bt-good.service"],
        ["unit", "bt-good.service"],
      ],
      { options },
    );
    expect(started).toEqual({ value: "done" });
    const { value } = unit as { value: UnitState };
    const show = async (property: string): Promise<string> =>
      lab.output(["systemctl", "show", "--value", `--property=${property}`, "bt-good.service"]);
    expect(value).toMatchObject({
      name: "bt-good.service",
      loadState: "loaded",
      activeState: "active",
      subState: "running",
      result: "success",
      mainPid: Number(await show("MainPID")),
      controlGroup: "/system.slice/bt-good.service",
      invocationId: await show("InvocationID"),
      nRestarts: 0,
      needDaemonReload: false,
    });
    const age = Date.now() - Number(value.activeEnterUsec) / 1000;
    expect(age).toBeGreaterThan(0);
    expect(age).toBeLessThan(60_000);
  });

  test("unit() of a failed, a missing and a foreign unit", async () => {
    await probe([["start", "bt-bad.service"]], { options });
    const calls: ProbeCall[] = [
      ["unit", "bt-bad.service"],
      ["unit", "bt-none.service"],
      ["unit", "multi-user.target"],
    ];
    expect(await probe(calls, { options })).toMatchObject([
      { value: { activeState: "failed", result: "exit-code", execMainCode: 1, execMainStatus: 3 } },
      { value: { loadState: "not-found", activeState: "inactive" } },
      { value: { activeState: "active", mainPid: 0, result: "" } },
    ]);
  });

  test("resetFailed() forgets a failure and ignores a unit that is not loaded", async () => {
    const calls: ProbeCall[] = [
      ["start", "bt-bad.service"],
      ["resetFailed", "bt-bad.service"],
      ["resetFailed", "bt-none.service"],
      ["list", ["bt-bad.service"]],
    ];
    const [, ...rest] = await probe(calls, { options });
    expect(rest.slice(0, 2)).toEqual([{}, {}]);
    expect(rest[2]).not.toMatchObject({ value: [{ activeState: "failed" }] });
  });

  test("enable(), reload(), fileState(), disable()", async () => {
    const calls: ProbeCall[] = [
      ["fileState", "bt-good.service"],
      ["enable", ["bt-good.service"]],
      ["reload"],
      ["fileState", "bt-good.service"],
      ["disable", ["bt-good.service"]],
      ["reload"],
      ["fileState", "bt-good.service"],
      ["fileState", "bt-none.service"],
      ["fileState", "bt-masked.service"],
      ["enable", ["bt-none.service"]],
    ];
    expect(await probe(calls, { options })).toEqual([
      { value: "disabled" },
      {},
      {},
      { value: "enabled" },
      {},
      {},
      { value: "disabled" },
      {},
      { value: expect.stringMatching(/^masked/) },
      { code: "JOB_FAILED", message: "systemd cannot enable bt-none.service: it knows no such unit" },
    ]);
  });
});

test("a job goes on when systemd is executed anew", async () => {
  const started = probe([
    ["start", "bt-slow.service"],
    ["start", "bt-slow.service"],
  ]);
  const activating = ["systemctl", "show", "--value", "--property=ActiveState", "bt-slow.service"];
  await expect.poll(() => lab.output(activating), { timeout: 10_000 }).toBe("activating");
  await lab.output(["systemctl", "daemon-reexec"]);
  expect(await started).toEqual([{ value: "done" }, { value: "done" }]);
});

test("lastLines() shows what a service said before it failed", async () => {
  const [, log] = await probe([
    ["start", "bt-bad.service"],
    ["lastLines", "bt-bad.service", 10],
  ]);
  const { value } = log as { value: string[] };
  expect(value.join("\n")).toMatch(/this is why[\s\S]*status=3/);
});

describe("what an image brings arrives as it is", () => {
  // The program writes down what it got; its own text goes through the same quoting.
  const dump = `require("node:fs").writeFileSync("${scratch}/got.json", JSON.stringify({ argv: process.argv.slice(1), env: process.env, cwd: process.cwd() }))`;

  async function got(): Promise<{ argv: string[]; env: Record<string, string>; cwd: string }> {
    return JSON.parse(await lab.output(["cat", `${scratch}/got.json`])) as never;
  }

  async function start(name: string, unit: UnitFile): Promise<void> {
    await writeUnit(name, formatUnit(unit));
    await lab.output(["systemctl", "daemon-reload"]);
    const { exitCode } = await lab.run(["systemctl", "start", name]);
    if (exitCode !== 0)
      throw new Error(await lab.output(["systemctl", "status", "--full", "--no-pager", "-n20", name]));
  }

  const oneshot: UnitFile = { sections: [{ name: "Service", entries: [{ key: "Type", value: "oneshot" }] }] };
  const service = (unit: UnitFile, key: string, value: string): UnitFile =>
    appendValue(unit, { section: "Service", key, value });

  test("hostile strings in argv", async () => {
    await lab.output(["mkdir", "-p", scratch]);
    await start(
      "bt-argv.service",
      service(oneshot, "ExecStart", quoteExec([node, "-e", dump, "--", ...hostileStrings])),
    );
    expect((await got()).argv).toEqual(hostileStrings);
  });

  test("hostile strings in the environment", async () => {
    const values = hostileStrings.filter(isEnvironmentSafe);
    const file = `${scratch}/odd *?[x] %n $HOME.env`;
    await write(file, quoteEnvironmentFile(values.map((value, index) => `V${index}=${value}`)));
    // Would be taken too, were the name a pattern.
    await write(`${scratch}/odd 12x %n $HOME.env`, 'V0="another"\n');
    const named = service(oneshot, "EnvironmentFile", quotePathValue(file, { glob: true }));
    await start("bt-env.service", service(named, "ExecStart", quoteExec([node, "-e", dump])));
    const { env } = await got();
    expect(values.map((_, index) => env[`V${index}`])).toEqual(values);
  });

  test("a program with an odd path, by argv[0] too", async () => {
    const program = `${scratch}/a $b \u0024{HOME} 100% ; ä`;
    await write(program, `#!/bin/sh\nprintf '%s\\n' "$0" "$@" >${scratch}/program\n`);
    await lab.output(["chmod", "755", program]);
    await start("bt-program.service", service(oneshot, "ExecStart", quoteExec([program, "$HOME"])));
    expect(await lab.output(["cat", `${scratch}/program`])).toBe(`${program}\n$HOME`);
  });

  test("descriptions stay one line", async () => {
    const unit = hostileStrings.reduce(
      (all, text) =>
        appendValue(all, { section: "Unit", key: "Description", value: quoteValue(`x ${text} y`) }),
      service(oneshot, "ExecStart", "/bin/true"),
    );
    const last = appendValue(unit, {
      section: "Unit",
      key: "Description",
      value: quoteValue("100% of %n\nUser=root"),
    });
    await start("bt-description.service", last);
    const shown = await lab.output([
      "systemctl",
      "show",
      "--value",
      "-p",
      "Description",
      "bt-description.service",
    ]);
    expect(shown).toBe("100% of %n User=root");
  });

  // Since 254 systemd hands a unit on to systemd-executor, in a form in which these do not survive in BindPaths= and
  // TemporaryFileSystem=, though they were read as they are: nothing that a unit can say helps.
  const lostByExecutor = ["a:b", 'a"b', "a'b", "a\\b"];
  const systemdVersion = async (): Promise<number> =>
    Number(/^systemd (\d+)/.exec(await lab.output(["systemctl", "--version"]))?.[1]);

  test.each(["a b", "a:b", 'a"b', "a'b", "a\\b", "a%n", "a$b", "ä", "a ;b"])(
    "a path like %j",
    async (name) => {
      const at = `${scratch}/paths/${name}`;
      await write(`${at}/file`, "here");
      await lab.output(["mkdir", "-p", `${scratch}/to/${name}`, `${scratch}/tmpfs/${name}`]);
      await write(`${scratch}/tmpfs/${name}/file`, "hidden");
      const check = `
      test "$(cat "$1/file")" = here && test "$(cat "$2/file")" = here && test ! -e "$3/file" && test "$PWD" = "$1" &&
      ! touch "$2/new" 2>/dev/null && ! touch "$3/new" 2>/dev/null`;
      const program = ["/bin/sh", "-c", check, "sh", at, `${scratch}/to/${name}`, `${scratch}/tmpfs/${name}`];
      let unit = service(oneshot, "ExecStart", quoteExec(program));
      unit = service(unit, "WorkingDirectory", quotePathValue(at));
      unit = service(unit, "BindReadOnlyPaths", `${quotePath(at)}:${quotePath(`${scratch}/to/${name}`)}`);
      unit = service(unit, "TemporaryFileSystem", quoteTmpfs(`${scratch}/tmpfs/${name}`, "ro,size=10%"));
      if (lostByExecutor.includes(name) && (await systemdVersion()) >= 254)
        await expect(start("bt-paths.service", unit)).rejects.toThrow("status=");
      else await start("bt-paths.service", unit);
    },
  );
});
