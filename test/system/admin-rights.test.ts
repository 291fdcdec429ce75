import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const probe = "localhost:5000/probe";
const unit = "/etc/systemd/system/own.service";
let before: string[];

beforeAll(async () => {
  await lab.output(["berth", "pull", probe]);
  await lab.output([
    "mkdir",
    "-p",
    "/usr/local/lib/systemd/system",
    "/etc/systemd/system-preset",
    "/etc/berth",
  ]);
  before = await footprint(lab);
});

afterEach(async () => {
  await lab.run(["berth", "uninstall", "own", "--purge"]);
  await lab.run(["systemctl", "unmask", "--quiet", "own"]);
  await lab.run([
    "rm",
    "-rf",
    "/etc/systemd/system-preset/10-own.preset",
    "/etc/berth/berth.toml",
    `${unit}.d`,
  ]);
  await lab.run(["rm", "-f", "/usr/lib/systemd/system/own.service"]);
  await lab.run(["systemctl", "daemon-reload"]);
  expect(await footprint(lab)).toEqual(before);
});

afterAll(async () => {
  await lab.run(["rmdir", "/etc/systemd/system-preset", "/etc/berth"]);
});

const berth = (...words: string[]) => lab.run(["berth", ...words]);
const install = (...words: string[]) => berth("install", probe, "--name", "own", ...words);
const isEnabled = async (): Promise<string> => (await lab.run(["systemctl", "is-enabled", "own"])).stdout;

describe("presets", () => {
  test("one that disables the unit leaves it disabled, which is said; it is started all the same", async () => {
    await lab.output(["tee", "/etc/systemd/system-preset/10-own.preset"], { input: "disable own.service\n" });
    const { stdout } = await install();
    expect(stdout).toContain(
      "note: own.service does not start at boot: a preset of this host disables it (systemctl enable own.service)",
    );
    expect(await isEnabled()).toBe("disabled");
    expect(await lab.output(["systemctl", "is-active", "own"])).toBe("active");
    const { info } = JSON.parse((await berth("inspect", "own", "--json")).stdout) as {
      info: { berth: object };
    };
    expect(info.berth).toMatchObject({ enabled: false });
  });

  test("without one the unit is enabled", async () => {
    await install();
    expect(await isEnabled()).toBe("enabled");
  });
});

describe("drop-ins of the admin's", () => {
  test("hold over berth's, are listed, and stay after an uninstall", async () => {
    const dropIn = `${unit}.d/20-mine.conf`;
    await lab.output(["mkdir", "-p", `${unit}.d`]);
    await lab.output(["tee", dropIn], { input: "[Service]\nTimeoutStopSec=7\n" });
    const { stdout } = await install();
    expect(stdout).toContain(`note: drop-ins that were there already hold over berth's: ${dropIn}`);
    expect(await lab.output(["systemctl", "show", "own", "--property=TimeoutStopUSec"])).toBe(
      "TimeoutStopUSec=7s",
    );
    const removed = JSON.parse((await berth("uninstall", "own", "--purge", "--json")).stdout) as object;
    expect(removed).toMatchObject({ uninstalled: [{ name: "own", kept: [dropIn] }] });
    expect(await lab.output(["cat", dropIn])).toContain("TimeoutStopSec=7");
  });
});

describe("a mask", () => {
  test("refuses an install that would start the service", async () => {
    await lab.output(["systemctl", "mask", "--quiet", "own"]);
    const { exitCode, stderr } = await install();
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: `berth: own.service is masked: ${unit} is a link to /dev/null\nhint: unmask it (systemctl unmask own.service), or install with --no-start: it stays masked then`,
    });
    expect(await lab.output(["readlink", unit])).toBe("/dev/null");
  });

  test("stays with --no-start, over updates of the order and uninstall; the unit comes with the first start after it", async () => {
    await lab.output(["systemctl", "mask", "--quiet", "own"]);
    const { stdout, exitCode } = await install("--no-start");
    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      "note: own.service is masked and stays so: systemctl unmask own.service, then berth start own",
    );
    expect((await berth("start", "own")).stderr).toContain("the unit is masked");
    await berth("order", "own", "--after", "x");
    expect(await lab.output(["readlink", unit])).toBe("/dev/null");
    await lab.output(["systemctl", "unmask", "--quiet", "own"]);
    expect((await berth("start", "own")).stdout).toContain("own is active");
    expect(await isEnabled()).toBe("enabled");
  });

  test("gone: the unit comes back once nobody else changes the container", async () => {
    await install("--no-start");
    await lab.output(["rm", unit]);
    const lock = "/var/lib/berth/containers/.lock/own";
    const script = `flock ${lock} sh -c 'sleep 1; [ ! -e ${unit} ]' & sleep 0.3; berth start own && wait $!`;
    expect(await lab.run(["sh", "-c", script])).toMatchObject({ exitCode: 0 });
    expect(await lab.output(["systemctl", "is-active", "own"])).toBe("active");
  });

  test("outlives the container", async () => {
    await lab.output(["systemctl", "mask", "--quiet", "own"]);
    await install("--no-start");
    await berth("uninstall", "own", "--purge");
    expect(await lab.output(["readlink", unit])).toBe("/dev/null");
    expect(await lab.output(["ls", "-la", "/dev/null"])).toMatch(/^crw-rw-rw-/);
  });

  test("of a running container works with units in /usr/local/lib/systemd/system", async () => {
    await lab.output(["tee", "/etc/berth/berth.toml"], {
      input: 'unit_directory = "/usr/local/lib/systemd/system"\n',
    });
    await install();
    expect(await lab.output(["systemctl", "show", "own", "--property=FragmentPath", "--value"])).toBe(
      "/usr/local/lib/systemd/system/own.service",
    );
    expect(await isEnabled()).toBe("enabled");
    await lab.output(["systemctl", "mask", "--quiet", "--now", "own"]);
    expect((await berth("start", "own")).stderr).toContain("the unit is masked");
    await lab.output(["systemctl", "unmask", "--quiet", "own"]);
    expect((await berth("start", "own")).stdout).toContain("own is active");
  });

  test("that systemctl would not make over a unit in /etc/systemd/system is what the other directory is for", async () => {
    await install();
    expect((await lab.run(["systemctl", "mask", "own"])).stderr).toContain("already exists");
  });
});

test("a unit of the vendor's is not shadowed, masked or not", async () => {
  await lab.output(["tee", "/usr/lib/systemd/system/own.service"], {
    input: "[Service]\nExecStart=/bin/true\n",
  });
  expect((await install()).stderr).toEqual(
    expect.stringMatching(/already: (\/usr)?\/lib\/systemd\/system\/own\.service/),
  );
  await lab.output(["systemctl", "mask", "--quiet", "own"]);
  expect((await install("--no-start")).stderr).toEqual(
    expect.stringMatching(/already: (\/usr)?\/lib\/systemd\/system\/own\.service/),
  );
});
