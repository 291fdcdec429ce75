import { afterAll, describe, expect, test } from "vitest";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const image = "localhost:5000/probe";
/** Of the image, or made for mounts: nothing of it may be written, since its files are the store's. */
const fixed = [
  "/",
  "/etc",
  "/usr",
  "/usr/bin",
  "/root",
  "/home",
  "/var",
  "/var/lib",
  "/opt",
  "/srv",
  "/sys",
  "/proc/sys/kernel",
];
const open = ["/tmp", "/var/tmp", "/run", "/dev/shm", "/var/lib/probe"];

interface Probe {
  writable: Record<string, "yes" | "no">;
}

afterAll(async () => {
  await lab.run(["berth", "uninstall", "writer", "--purge"]);
});

describe.each(["systemd", "runc", "crun"])("a service by %s", (runtime) => {
  test("writes to its temporary directories and its state, and to nothing of the image", async () => {
    const paths = `PROBE_WRITE=${[...fixed, ...open].join(":")}`;
    await lab.output(["berth", "install", image, "--name", "writer", "--runtime", runtime, "--env", paths]);
    const log = await lab.output(["journalctl", "--unit=writer", "--output=cat", "--boot"]);
    const line = log.split("\n").findLast((each) => each.startsWith("probe {")) ?? "";
    const { writable } = JSON.parse(line.slice("probe ".length)) as Probe;
    expect(fixed.filter((path) => writable[path] !== "no")).toEqual([]);
    expect(open.filter((path) => writable[path] !== "yes")).toEqual([]);
    await lab.output(["berth", "uninstall", "writer", "--purge"]);
  });
});
