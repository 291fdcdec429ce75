import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { say } from "../support/crash.ts";
import { downtimeOf } from "../support/lab/downtime.ts";
import { machine } from "../support/lab/shared-machine.ts";
import { publish } from "../support/lab/variants.ts";

const lab = machine();

afterAll(async () => {
  for (const name of ["etcd", "web", "db"]) await lab.run(["berth", "uninstall", name, "--purge"]);
});

async function failureOf(
  argv: readonly string[],
): Promise<{ code: string; message: string; causes: string[] }> {
  const { exitCode, stderr } = await lab.run([...argv, "--json"]);
  expect(exitCode).toBe(1);
  return JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "").error;
}

describe.each(["systemd", "runc"])("etcd by %s", (runtime) => {
  const name = "localhost:5000/life/etcd:3";

  test("keeps its data over an update and a rollback", async () => {
    await publish(lab, { of: "etcd", as: "life/etcd:3", config: { label: "version=1" } });
    await lab.output(["berth", "install", name, "--name", "etcd", "--runtime", runtime]);
    await lab.output(["etcdctl", "put", "before", "the update"]);
    await publish(lab, { of: "etcd", as: "life/etcd:3", config: { label: "version=2" } });
    const [behind] = JSON.parse(await lab.output(["berth", "outdated", "etcd", "--json"])).containers;
    expect(behind).toMatchObject({ name: "etcd", state: "outdated" });

    const health = "http://127.0.0.1:2379/health";
    const update = await downtimeOf(lab, health, () =>
      lab.output(["berth", "update", "etcd", "--watch", "1"]),
    );
    expect(await digest()).toBe(behind.newest);
    expect(await value("before")).toBe("the update");
    await lab.output(["etcdctl", "put", "after", "the update"]);
    const rollback = await downtimeOf(lab, health, () =>
      lab.output(["berth", "rollback", "etcd", "--watch", "1"]),
    );
    expect(await digest()).toBe(behind.digest);
    expect(await value("before")).toBe("the update");
    expect(await value("after")).toBe("the update");
    say(`downtime of etcd by ${runtime}: ${update} ms in an update, ${rollback} ms in a rollback`);
    await lab.output(["berth", "uninstall", "etcd", "--purge"]);
  });

  const value = (key: string): Promise<string> => lab.output(["etcdctl", "get", key, "--print-value-only"]);
  const digest = async (): Promise<string> =>
    JSON.parse(await lab.output(["berth", "status", "etcd", "--json"])).digest;
});

test("PostgreSQL keeps its data over an update and a rollback", async () => {
  const first = await publish(lab, { of: "postgres", as: "life/db:1", config: { label: "version=1" } });
  const next = await publish(lab, { of: "postgres", as: "life/db:2", config: { label: "version=2" } });
  await lab.output(["berth", "install", first, "--name", "db"]);
  const sql = (query: string): Promise<string> =>
    lab.output(["berth", "run", "db", "psql", "-h", "/tmp", "-d", "postgres", "-Atqc", query]);
  await sql("create table visits (at text)");
  await sql("insert into visits values ('before')");
  await lab.output(["berth", "update", "db", "--rebase", next, "--watch", "1"]);
  await sql("insert into visits values ('updated')");
  await lab.output(["berth", "rollback", "db", "--watch", "1"]);
  expect((await sql("select at from visits")).split("\n")).toEqual(["before", "updated"]);
  await lab.output(["berth", "uninstall", "db", "--purge"]);
}, 300_000);

describe("a version that does not stay up ends with the old one serving", () => {
  const url = "http://127.0.0.1:8080/";
  const health = ["--health-http", "127.0.0.1:8080/", "--health-timeout", "3"];
  const serve =
    "mkdir -p /tmp/www; echo it >/tmp/www/index.html; exec httpd -f -p 127.0.0.1:8080 -h /tmp/www";

  beforeAll(async () => {
    const config = { entrypoint: ["/bin/sh", "-c", serve] };
    const name = await publish(lab, { of: "web", as: "life/web:good", config });
    await lab.output(["berth", "install", name, "--name", "web", ...health]);
    await lab.output(["mkdir", "-p", "/etc/systemd/system/web.service.d"]);
    await lab.output(["tee", "/etc/systemd/system/web.service.d/50-short.conf"], {
      input: "[Service]\nTimeoutStartSec=2\nTimeoutStopSec=2\n",
    });
    await lab.output(["systemctl", "daemon-reload"]);
  });
  afterEach(async () => {
    expect(await lab.output(["curl", "--silent", "--fail", url])).toBe("it");
  });
  afterAll(async () => {
    await lab.output(["berth", "uninstall", "web", "--purge"]);
    await lab.output(["rm", "-r", "/etc/systemd/system/web.service.d"]);
    await lab.output(["systemctl", "daemon-reload"]);
  });

  test.each<[how: string, script: string, label: string, reason: RegExp]>([
    ["crashes", "echo no good; exit 3", "v=1", /exit status 3|no good/],
    ["hangs", "sleep 1000", "berth.notify=true", /result timeout/],
    ["is unhealthy", "sleep 1000", "v=2", /did not become healthy within 3 s/],
    ["dies a second after it was healthy", `(${serve}) & sleep 1.5; exit 4`, "v=3", /did not stay up/],
    [
      "becomes unhealthy while it is watched",
      `(${serve}) & sleep 1.5; kill $!; pkill httpd; sleep 1000`,
      "v=4",
      /did not become healthy within 3 s/,
    ],
  ])("one that %s", async (how, script, label, reason) => {
    const config = { entrypoint: ["/bin/sh", "-c", script], label };
    const name = await publish(lab, { of: "web", as: `life/web:${how.split(" ").at(-1)}`, config });
    const before = await lab.output(["berth", "status", "web", "--json"]);
    let failure: Awaited<ReturnType<typeof failureOf>> | undefined;
    const down = await downtimeOf(lab, url, async () => {
      failure = await failureOf(["berth", "update", "web", "--rebase", name, "--watch", "3"]);
    });
    say(`downtime of a version that ${how}: ${down} ms`);
    expect(failure).toMatchObject({ code: "UPDATE_ROLLED_BACK" });
    expect(failure?.causes.join("\n")).toMatch(reason);
    expect(JSON.parse(await lab.output(["berth", "status", "web", "--json"])).digest).toBe(
      JSON.parse(before).digest,
    );
  });
});
