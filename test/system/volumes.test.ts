import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serverImages } from "../support/lab/server-images.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const runtimes = ["systemd", "runc", "crun"] as const;

beforeAll(async () => {
  await mkdir(join(lab.dir, "var/servers"), { recursive: true });
  await cp(await serverImages(), join(lab.dir, "var/servers"), { recursive: true });
  await lab.output(["berth", "pull", "oci:/var/servers/postgres:latest", "--as", "servers/postgres"]);
  await lab.output(["berth", "pull", "oci:/var/servers/apache:latest", "--as", "servers/apache"]);
}, 300_000);

afterAll(async () => {
  for (const name of ["db", "httpd"]) await lab.run(["berth", "uninstall", name, "--purge"]);
  await lab.run(["berth", "rmi", "servers/postgres", "servers/apache"]);
  await lab.run(["rm", "-rf", "/var/servers", "/var/lib/db", "/var/www"]);
});

describe("PostgreSQL", () => {
  const sql = (query: string): Promise<string> =>
    lab.output(["berth", "run", "db", "psql", "-h", "/tmp", "-d", "postgres", "-Atqc", query]);

  test.each(runtimes)(
    "by %s: the volume begins as in the image and is kept from then on",
    async (runtime) => {
      const first = runtime === runtimes[0];
      await lab.output(["berth", "install", "servers/postgres", "--name", "db", "--runtime", runtime]);
      const directory = "/var/lib/db/var-lib-postgresql";
      expect(await lab.output(["stat", "--format=%u:%g %a", directory])).toBe("101:104 750");
      if (first) {
        expect(await lab.output(["cat", `${directory}/README`])).toBe("from the image");
        await lab.output(["sh", "-c", `echo changed > ${directory}/README && chmod 700 ${directory}`]);
        await lab.output(["chmod", "750", directory]);
        await sql("create table visits (runtime text)");
      }
      expect(await lab.output(["cat", `${directory}/README`])).toBe("changed");
      await sql(`insert into visits values ('${runtime}')`);
      expect((await sql("select runtime from visits")).split("\n")).toEqual(
        runtimes.slice(0, runtimes.indexOf(runtime) + 1),
      );
      await lab.output(["berth", "uninstall", "db"]);
      expect((await lab.run(["ls", `${directory}/main/PG_VERSION`])).exitCode).toBe(0);
    },
  );

  test("runs as the image's user and stops by its own signal", async () => {
    await lab.output(["berth", "install", "servers/postgres", "--name", "db", "--runtime", "systemd"]);
    expect(await lab.output(["stat", "--format=%u:%g", `/proc/${await mainPid("db")}`])).toBe("101:104");
    await lab.output(["systemctl", "stop", "db"]);
    const shown = await lab.output(["systemctl", "show", "db", "--property=Result,KillSignal"]);
    expect(shown.split("\n").sort()).toEqual(["KillSignal=2", "Result=success"]);
    expect(await lab.output(["journalctl", "--unit=db", "--output=cat", "--lines=20"])).toContain(
      "received fast shutdown request",
    );
    await lab.output(["berth", "uninstall", "db"]);
  });
});

describe("Apache", () => {
  test.each(runtimes)("by %s: serves the host's /var/www on port 80, and its data stays", async (runtime) => {
    await lab.output(["mkdir", "-p", "/var/www/html"]);
    await lab.output(["tee", "/var/www/html/index.html"], { input: `hello by ${runtime}` });
    await lab.output([
      ...["berth", "install", "servers/apache", "--name", "httpd", "--runtime", runtime],
      ...["--volume", "/var/www:/var/www:ro", "--health-http", "80/"],
    ]);
    expect(await lab.output(["curl", "--silent", "http://localhost/"])).toBe(`hello by ${runtime}`);
    const users = await lab.output(["sh", "-c", "ps -C apache2 -o user= | sort -u"]);
    expect(users.split("\n")).toEqual(["root", "www-data"]);
    // SIGWINCH, which a runtime does not pass on by itself: a graceful stop.
    await lab.output(["systemctl", "stop", "httpd"]);
    expect(await lab.output(["systemctl", "show", "httpd", "--property=Result"])).toBe("Result=success");
    await lab.output(["berth", "uninstall", "httpd", "--purge"]);
    expect(await lab.output(["cat", "/var/www/html/index.html"])).toBe(`hello by ${runtime}`);
  });
});

function mainPid(unit: string): Promise<string> {
  return lab.output(["systemctl", "show", unit, "--property=MainPID", "--value"]);
}
