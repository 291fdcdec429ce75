import { afterAll, beforeAll, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const packaged = "/usr/lib/systemd/system/packaged.service";
const install = ["berth", "install", "localhost:5000/probe-notify", "--name", "packaged"];
const unitFile = (): Promise<string> =>
  lab.output(["systemctl", "show", "packaged", "--property=FragmentPath", "--value"]);

beforeAll(async () => {
  await lab.output(["berth", "pull", "localhost:5000/probe-notify"]);
  const input = "[Service]\nExecStart=/usr/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n";
  await lab.output(["tee", packaged], { input });
  await lab.output(["systemctl", "daemon-reload"]);
});

afterAll(async () => {
  await lab.run(["berth", "uninstall", "packaged", "--purge"]);
  await lab.run(["systemctl", "disable", "--quiet", "--now", "packaged"]);
  await lab.run(["rm", packaged]);
  await lab.run(["systemctl", "daemon-reload"]);
});

test("install --replace-unit takes the place of a package's unit at rest; an uninstall gives it back", async () => {
  const before = await footprint(lab);
  const place = await unitFile();
  await lab.output(["systemctl", "enable", "--quiet", "packaged"]);
  await lab.output(["systemctl", "start", "packaged"]);
  for (const state of ["enabled", "active"]) {
    const { exitCode, stderr } = await lab.run([...install, "--replace-unit"]);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`cannot be replaced: it is ${state}`),
    });
    await lab.output(["systemctl", "disable", "--quiet", "packaged"]);
  }
  await lab.output(["systemctl", "stop", "packaged"]);
  await lab.output([...install, "--replace-unit"]);
  expect(await lab.output(["systemctl", "is-active", "packaged"])).toBe("active");
  expect(await unitFile()).toBe("/etc/systemd/system/packaged.service");
  await lab.output(["berth", "uninstall", "packaged", "--purge"]);
  expect(await unitFile()).toBe(place);
  expect(await footprint(lab)).toEqual(before);
});
