/** Limits, by the control groups of a whole kernel. A machine in systemd-nspawn has none that bite. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { say } from "../support/crash.ts";
import { virtualMachine } from "../support/lab/shared-machine.ts";

const lab = virtualMachine();
const image = "oci:/opt/images/greedy:latest";
const templates = "/etc/berth/templates";
const megabyte = 1024 * 1024;
const limits = {
  memory: { limit: 64 * megabyte, swap: 64 * megabyte },
  cpu: { quota: 30_000, period: 100_000 },
  pids: { limit: 40 },
};
const directives = ["MemoryMax=64M", "MemorySwapMax=0", "CPUQuota=30%", "TasksMax=40"];

interface Got {
  tasks: number;
  /** Share of one processor. */
  processor: number;
  /** Megabytes that it had for certain. */
  memory: number;
  log: string;
}

let installed = "";

beforeAll(() => lab.output(["berth", "pull", image], { timeout: 120_000 }));

afterEach(async () => {
  await lab.run(["berth", "uninstall", installed, "--purge"]);
  await lab.run(["rm", "-rf", templates]);
});

afterAll(() => lab.run(["berth", "rmi", image]));

test.each(["systemd", "runc", "crun"])("limits of the OCI configuration bite under %s", async (runtime) => {
  await writeTemplate();
  expectLimited(await run(`limited-${runtime}`, { runtime }));
  await expectKilled(`limited-${runtime}`);
});

test.each(["systemd", "runc"])("limits of an admin's drop-in bite under %s", async (runtime) => {
  expectLimited(await run(`dropped-${runtime}`, { runtime, directives }));
  await expectKilled(`dropped-${runtime}`);
});

test("without limits the same service gets what it asks for", async () => {
  const got = await run("unlimited", { runtime: "runc" });
  expect(got.tasks).toBe(100);
  expect(got.processor).toBeGreaterThan(0.6);
  expect(got.log).toContain("nothing has stopped me");
});

function expectLimited(got: Got): void {
  // An OCI runtime's own threads count too.
  expect(got.tasks).toBeGreaterThan(10);
  expect(got.tasks).toBeLessThan(40);
  expect(got.processor).toBeGreaterThan(0.2);
  expect(got.processor).toBeLessThan(0.36);
  expect(got.memory).toBeGreaterThan(15);
  expect(got.memory).toBeLessThan(64);
  expect(got.log).not.toContain("nothing has stopped me");
}

/** The kernel killed it for the limit of the unit's own control group. */
async function expectKilled(name: string): Promise<void> {
  const kernel = await lab.output(["journalctl", "--boot", "--dmesg", "--output=cat", "--grep=oom-kill:"]);
  expect(kernel).toContain(`oom_memcg=/system.slice/${name}.service,`);
  const log = await lab.output(["journalctl", "--boot", `--unit=${name}`, "--output=cat"]);
  expect(log).toContain("killed by the OOM killer");
}

/** Runs the image as a service until it ends, and gives what it got. */
async function run(
  name: string,
  { runtime, directives: more = [] }: { runtime: string; directives?: readonly string[] },
): Promise<Got> {
  installed = name;
  const dropIn = ["[Service]", "Restart=no", ...more, ""].join("\n");
  await write(`/etc/systemd/system/${name}.service.d/50-admin.conf`, dropIn);
  const options = ["--name", name, "--runtime", runtime];
  await lab.output(["berth", "install", image, ...options], { timeout: 120_000 });
  const state = async (): Promise<string> => (await lab.run(["systemctl", "is-active", name])).stdout;
  await expect.poll(state, { timeout: 150_000, interval: 1000 }).toMatch(/^(inactive|failed)$/);
  const log = await lab.output(["journalctl", "--boot", `--unit=${name}`, "--output=cat"]);
  const values = (word: string): number[] =>
    [...log.matchAll(new RegExp(`^${word} ([\\d.]+)$`, "gm"))].map(([, value]) => Number(value));
  const got = {
    tasks: values("tasks").at(-1) ?? -1,
    processor: values("processor").at(-1) ?? -1,
    memory: values("memory").at(-1) ?? -1,
    log,
  };
  const shown = await lab.output(["systemctl", "show", name, "--property=Result", "--value"]);
  say(
    `${name}: ${got.tasks} tasks, ${got.processor} of a processor, ${got.memory} MB of memory; result ${shown}`,
  );
  return got;
}

/** The host's own template for images that bring no configuration, with limits in it. */
async function writeTemplate(): Promise<void> {
  const own = await lab.output(["cat", "/usr/local/lib/berth/templates/config.json.ejs"]);
  const linux = `"linux": { "resources": ${JSON.stringify(limits)},`;
  await write(`${templates}/config.json.ejs`, own.replace('"linux": {', linux));
}

async function write(path: string, content: string): Promise<void> {
  await lab.output(["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "write", path], {
    input: content,
  });
}
