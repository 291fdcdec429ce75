/** SIGKILL in the middle of install, update, rollback and uninstall of a service that runs; then recovery, the command again, or a reboot. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { isLong, say } from "../support/crash.ts";
import { draw, sample } from "../support/kill-points.ts";
import { machine } from "../support/lab/shared-machine.ts";
import type { StateCall, TracerAnswer, TracerOptions } from "../support/tracer-main.ts";

const lab = machine();
const image = "localhost:5000/probe-notify";
const install = ["berth", "install", image, "--name", "turn", "--runtime", "systemd", "--env", "A=0"];
const LONG = 3_600_000;
/** In the long form, for each of the four commands: 300 in all. */
const DRAWN = 75;
/** Of those, each so manieth is followed by a reboot. */
const REBOOTED = 5;

beforeAll(async () => {
  await lab.output(["berth", "pull", image]);
  await lab.output(["berth", "check", "--fix"]);
  await lab.output(["mkdir", "-p", "/run/trace"]);
});

afterAll(async () => {
  await lab.run(["berth", "uninstall", "turn", "--purge"]);
  await lab.run(["systemctl", "disable", "--quiet", "berth-recover.service"]);
  await lab.run(["sh", "-c", "rm -rf /etc/systemd/system/berth-* /run/trace"]);
  await lab.run(["systemctl", "daemon-reload"]);
});

test.each<[verb: string, argv: (round: number) => string[], count: number]>([
  ["install", () => install.slice(1), 4],
  [
    "update",
    (round) => ["update", "turn", "--no-pull", "--watch", "0", "--set", `A=${round}`, "--set", "B=1"],
    5,
  ],
  ["rollback", () => ["rollback", "turn", "--watch", "0"], 4],
  ["uninstall", () => ["uninstall", "turn"], 4],
])(
  "%s that is killed leaves a service that runs, whole, or none",
  async (verb, argv, count) => {
    const prepare = verb === "install" ? makeNone : makeTwo;
    await makeNone();
    await prepare();
    const { calls, status } = await trace(argv(1000));
    expect(status).toBe(0);
    const seed = Number(process.env["BERTH_SEED"] ?? Date.now() % 1_000_000);
    const worth = worthKilling(calls);
    const places = isLong ? draw(worth.length, { count: DRAWN, seed }) : sample(worth.length, count);
    const points = places.map((place) => worth[place - 1] as number);
    if (isLong) say(`${verb}: BERTH_SEED=${seed}`);
    let killed = 0;
    for (const [round, n] of points.entries()) {
      await prepare();
      const answer = await trace(argv(round), n);
      if (answer.killed) killed += 1;
      try {
        await expectListed();
        // The last but one of the sample is followed by a reboot.
        if (isLong ? round % REBOOTED === REBOOTED - 1 : round === points.length - 2) await lab.reboot();
        else if (round % 2 === 0) await lab.output(["berth", "recover"]);
        else await lab.run(["berth", ...argv(round)]); // it may say that it is done already
        await expectWhole();
      } catch (cause) {
        const at = answer.calls.at(-1);
        throw new Error(`${verb} killed at call ${n} of ${calls.length}: ${at?.call} ${at?.path}`, { cause });
      }
    }
    say(`${verb} on a running system: killed at ${killed} of ${calls.length} calls`);
  },
  LONG,
);

/** Numbers of calls, from 1. Most make or remove the files of a checkout: of those one in fifty. */
function worthKilling(calls: readonly StateCall[]): number[] {
  const numbers = calls.map((_, at) => at + 1);
  return numbers.filter((n) => n % 50 === 0 || !/\/rootfs\//.test(calls[n - 1]?.path ?? ""));
}

async function makeNone(): Promise<void> {
  await lab.run(["berth", "uninstall", "turn", "--purge"]);
}

/** The service runs, with a deployment to go back to. */
async function makeTwo(): Promise<void> {
  if ((await lab.run(["berth", "status", "turn"])).exitCode === 4) {
    await lab.output(install);
    await lab.output(["berth", "update", "turn", "--no-pull", "--watch", "0", "--set", "C=1"]);
  }
}

/** What a command left half done is listed as interrupted, and nothing else is. */
async function expectListed(): Promise<void> {
  const { exitCode } = await lab.run(["test", "-e", "/var/lib/berth/containers/.journal/turn.json"]);
  const { containers } = JSON.parse(await lab.output(["berth", "list", "--json"])) as {
    containers: { name: string; state: string }[];
  };
  const isListed = containers.some(({ name, state }) => name === "turn" && state === "interrupted");
  expect(isListed).toBe(exitCode === 0);
}

/** Installed: it runs, starts at boot, is what its deployment says; or nothing of it but data is left. */
async function expectWhole(): Promise<void> {
  const { containers } = JSON.parse(await lab.output(["berth", "list", "--json"]));
  if (containers.length === 0) {
    const left = [
      "/etc/systemd/system/turn.service",
      "/etc/systemd/system/turn.service.d",
      "/etc/tmpfiles.d/turn.conf",
    ];
    for (const path of left) expect((await lab.run(["test", "-e", path])).exitCode).toBe(1);
    expect((await lab.run(["systemctl", "is-active", "turn"])).stdout).toBe("inactive");
    return;
  }
  const active = async (): Promise<string> => (await lab.run(["systemctl", "is-active", "turn"])).stdout;
  await expect.poll(active, { timeout: 20_000 }).toBe("active");
  expect(await lab.output(["systemctl", "is-enabled", "turn"])).toBe("enabled");
  const { deployment } = JSON.parse(await lab.output(["berth", "status", "turn", "--json"]));
  const root = await lab.output(["systemctl", "show", "turn", "--property=RootDirectory", "--value"]);
  expect(root).toContain(`/turn.${deployment}/`);
  await lab.output(["berth", "verify", "turn"]);
}

async function trace(argv: readonly string[], killAt?: number): Promise<TracerAnswer> {
  const home = "/usr/local/lib/berth/bin";
  const request: TracerOptions = {
    command: [`${home}/node`, `${home}/berth.js`, ...argv],
    below: ["/var/lib/berth", "/var/lib/turn", "/etc/systemd", "/etc/tmpfiles.d", "/etc/sysusers.d"],
    sockets: true,
    answer: "/run/trace/answer",
    stdout: "/run/trace/stdout",
    stderr: "/run/trace/stderr",
    ...(killAt === undefined ? {} : { killAt }),
  };
  await lab.output(["mkdir", "-p", "/run/trace"]);
  const { exitCode, stderr } = await lab.node("test/support/tracer-main.ts", [JSON.stringify(request)]);
  if (exitCode !== 0) throw new Error(stderr);
  return JSON.parse(await lab.output(["cat", request.answer])) as TracerAnswer;
}
