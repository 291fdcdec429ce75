/** What Atomic installed becomes berth's while it runs. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHECKOUTS, writeAtomic } from "../support/atomic-tree.ts";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const name = "greeter";
let before: string[];

const property = (key: string): Promise<string> =>
  lab.output(["systemctl", "show", name, `--property=${key}`, "--value"]);
const read = (path: string): Promise<string> => lab.output(["cat", path]);
const adopt = async (...words: string[]): Promise<object> =>
  JSON.parse(await lab.output(["berth", "adopt", "--json", ...words])) as object;

/** The directory that the container's process has for its root. */
async function rootOf(): Promise<string> {
  const pids = await read(`/sys/fs/cgroup/system.slice/${name}.service/cgroup.procs`).catch(() => "");
  const all = await lab.output(["pgrep", "--full", "sleep 86400"]);
  const pid = all.split("\n")[0] ?? pids;
  const line = (await read(`/proc/${pid}/mountinfo`)).split("\n").find((each) => each.split(" ")[4] === "/");
  return line?.split(" ")[3] ?? "";
}

beforeAll(async () => {
  await lab.output(["berth", "pull", "localhost:5000/web"]);
  await lab.output(["berth", "prune", "--grace", "0h"]); // what other tests left is none of what these compare
  before = await footprint(lab);
  const args = ["/bin/sh", "-c", "trap 'exit 0' TERM; echo started; sleep 86400 & wait"];
  writeAtomic(join(lab.dir, "var/fixture"), { name, current: 1, numbers: [0, 1], args });
  await lab.output([
    "sh",
    "-ec",
    `mkdir -p /var/lib/containers && cp -a /var/fixture/${CHECKOUTS} /var/lib/containers/
     cp -a /var/fixture/etc/. /etc/
     mkdir /var/seen && berth mount localhost:5000/web /var/seen
     for n in 0 1; do cp -a /var/seen/bin ${CHECKOUTS}/${name}.$n/rootfs/; done
     berth unmount /var/seen && rmdir /var/seen
     systemd-tmpfiles --create /etc/tmpfiles.d/${name}.conf
     systemctl daemon-reload && systemctl start ${name}`,
  ]);
}, 120_000);

afterAll(async () => {
  await lab.run(["berth", "adopt", "--undo", name]);
  await lab.run(["systemctl", "disable", "--now", name]);
  const files = `/etc/systemd/system/${name}.service /etc/tmpfiles.d/${name}.conf ${CHECKOUTS} /run/${name} /etc/hi.conf`;
  await lab.run([
    "sh",
    "-c",
    `rm -rf ${files} /var/fixture; systemctl daemon-reload; systemctl reset-failed`,
  ]);
  await rm(join(lab.dir, "var/fixture"), { recursive: true, force: true });
});

test("adopt: the service runs on, is berth's, and starts from berth's store next", async () => {
  const pid = await property("MainPID");
  expect(await rootOf()).toContain(`atomic/${name}.1/rootfs`);
  expect(await adopt()).toMatchObject({
    containers: [{ name, outcome: "adopted", deployments: [0, 1], current: 1, running: true }],
  });
  expect(await property("MainPID")).toBe(pid);
  expect(await lab.output(["berth", "list"])).toMatch(new RegExp(`${name} +active`));
  expect((await lab.run(["berth", "adopt", "--confirm", name])).stderr).toContain(`${name} still runs from`);
  expect(await lab.output(["berth", "run", name, "cat", "/usr/share/same"])).toBe("the same in both");
  await lab.output(["berth", "restart", name]);
  expect(await rootOf()).toContain(`berth/containers/${name}.1/rootfs`);
  await lab.output(["berth", "verify"]);
});

test("adopt --undo: Atomic's again, and it runs", async () => {
  await adopt("--undo");
  expect(await property("ActiveState")).toBe("active");
  expect(await rootOf()).toContain(`atomic/${name}.1/rootfs`);
  expect(await read(`/etc/systemd/system/${name}.service`)).toContain(
    `WorkingDirectory=${CHECKOUTS}/${name}.1\n`,
  );
  expect(await lab.output(["systemctl", "is-enabled", name])).toBe("enabled");
  expect(await lab.output(["berth", "list"])).not.toContain(name);
});

test("adopt --confirm, rollback and uninstall: nothing is left of Atomic's or of berth's", async () => {
  await adopt(name);
  await lab.output(["berth", "rollback", name, "--watch", "1"]);
  expect(await rootOf()).toContain(`berth/containers/${name}.0/rootfs`);
  expect(await adopt("--confirm")).toMatchObject({ containers: [{ name, outcome: "confirmed" }] });
  expect(await lab.output(["ls", CHECKOUTS])).toBe("");
  expect(await property("ActiveState")).toBe("active");
  await lab.output(["berth", "uninstall", name, "--purge"]);
  await lab.run(["berth", "rmi", "docker.io/library/hello:latest"]);
  await lab.output(["sh", "-c", `rm -rf /run/${name}; rm -f /etc/tmpfiles.d/${name}.conf`]);
  expect(await footprint(lab)).toEqual(before);
});
