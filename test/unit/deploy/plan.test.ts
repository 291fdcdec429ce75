import { beforeAll, describe, expect, test } from "vitest";
import { type Plan, planDeployment } from "../../../src/deploy/plan.ts";
import { parseVolume } from "../../../src/deploy/volume.ts";
import { isFailure } from "../../../src/errors.ts";
import { loadTemplates, type Render } from "../../../src/render/templates.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import { getAllValues, getValue, parseUnit } from "../../../src/unit/unit-file.ts";
import { facts, request } from "./facts.ts";

const RUNC: Runtime = { kind: "oci", path: "/usr/sbin/runc", flavor: "runc" };
const CRUN: Runtime = { kind: "oci", path: "/usr/bin/crun", flavor: "crun" };
const SYSTEMD: Runtime = { kind: "systemd" };

let render: Render;
beforeAll(async () => {
  render = await loadTemplates("/nonexistent");
});

function plan(asked = request(), known = facts()): Plan {
  return planDeployment("etcd", asked, { facts: known, render });
}

function text(made: Plan, name: string): string {
  const file = made.files.find((candidate) => candidate.name === name);
  if (file === undefined)
    throw new Error(`the plan has no ${name}: ${made.files.map((each) => each.name).join(", ")}`);
  return file.text;
}

describe.each([
  ["runc", RUNC],
  ["crun", CRUN],
  ["systemd", SYSTEMD],
])("planDeployment() for %s", (name, runtime) => {
  test.each(["config.json", "etcd.service", "10-berth.conf", "tmpfiles-etcd.conf", "info"])(
    "writes the golden %s",
    async (file) => {
      const made = plan(
        request({
          order: { after: ["network"], before: ["docker.service"], requires: [], wants: [], partOf: [] },
        }),
        facts({ runtime }),
      );
      await expect(text(made, file)).toMatchFileSnapshot(`golden/${name}/${file}`);
    },
  );
});

test("planDeployment() names each host file by its place", () => {
  expect(plan().hostFiles).toEqual([
    { path: "/etc/systemd/system/etcd.service", file: "etcd.service", mode: 0o644 },
    { path: "/etc/systemd/system/etcd.service.d/10-berth.conf", file: "10-berth.conf", mode: 0o644 },
    { path: "/etc/tmpfiles.d/etcd.conf", file: "tmpfiles-etcd.conf", mode: 0o644 },
  ]);
});

test("planDeployment() makes a state directory of each volume, owned as in the image", () => {
  const made = plan(
    request(),
    facts({
      config: { volumes: ["/var/lib/pg", "/data/"] },
      directory: (path) => (path === "/data" ? { uid: 5, gid: 6, mode: 0o2750 } : undefined),
    }),
  );
  expect(made.state).toEqual([
    { path: "/var/lib/etcd", uid: 0, gid: 0, mode: "0700" },
    { path: "/var/lib/etcd/var-lib-pg", uid: 0, gid: 0, mode: "0755" },
    { path: "/var/lib/etcd/data", uid: 5, gid: 6, mode: "2750", image: "/data" },
  ]);
});

test("planDeployment() binds a volume of the request in place of the image's at the same path", () => {
  const made = plan(request({ volumes: [parseVolume("/srv/etcd:/var/lib/etcd:ro")] }), facts());
  expect(made.state).toEqual([]);
  const mounts = JSON.parse(text(made, "config.json")).mounts as {
    destination: string;
    source: string;
    options: string[];
  }[];
  expect(mounts.filter((mount) => mount.destination === "/var/lib/etcd")).toEqual([
    { destination: "/var/lib/etcd", type: "bind", source: "/srv/etcd", options: ["rbind", "rprivate", "ro"] },
  ]);
});

test("planDeployment() starts the service after the mounts of every source and volume", () => {
  const made = plan(
    request({ volumes: [parseVolume("/srv/a:/a"), parseVolume("/data:/b:ro"), parseVolume("/srv/a:/c")] }),
  );
  const unit = parseUnit(text(made, "10-berth.conf"));
  expect(getValue(unit, { section: "Unit", key: "RequiresMountsFor" })).toBe(
    "/var/lib/berth /var/lib/etcd/var-lib-etcd /srv/a /data",
  );
});

describe("planDeployment() for chroot", () => {
  const links: Record<string, string> = {
    "/data": "/etc/data",
    "/run": "/var/run",
    "/out": "/proc/self/root",
  };
  const resolve = (path: string): string => links[path] ?? path;
  const CHROOT: Runtime = { kind: "chroot", path: "/usr/sbin/chroot" };
  const known = facts({ runtime: CHROOT, resolve, systemdVersion: 252, config: { volumes: [] } });

  test("mounts where a link of the image leads inside its root, never where it would lead on the host", () => {
    const made = plan(request({ volumes: [parseVolume("/srv/a:/data")] }), known);
    const binds = getAllValues(parseUnit(text(made, "10-berth.conf")), {
      section: "Service",
      key: "BindPaths",
    });
    expect(binds).toContain("/srv/a:/var/lib/berth/containers/etcd.0/rootfs/etc/data");
    expect(binds).toContain("/run/berth/etcd:/var/lib/berth/containers/etcd.0/rootfs/var/run:norbind");
  });

  test("refuses a mount at a link that leads to the host's own file systems", () => {
    const asked = request({ volumes: [parseVolume("/srv/a:/out")] });
    const failure = expect.objectContaining({
      code: "RUNTIME_UNSUPPORTED",
      message: expect.stringContaining("/out, which leads to /proc/self/root"),
    });
    expect(() => plan(asked, known)).toThrow(failure);
  });
});

test.each([
  ["systemd", SYSTEMD],
  ["chroot", { kind: "chroot", path: "/usr/sbin/chroot" } as const],
])("planDeployment() for %s refuses paths that the host's systemd would damage", (_, runtime) => {
  for (const odd of ['/srv/a "b"', "/srv/it's", "/srv/a\\b", "/srv/a b"]) {
    const asked = request({ volumes: [parseVolume(`${odd}:/a`)] });
    const of = (systemdVersion: number | undefined): Plan => plan(asked, facts({ runtime, systemdVersion }));
    const failure = expect.objectContaining({
      code: "RUNTIME_UNSUPPORTED",
      message: expect.stringContaining(JSON.stringify(odd)),
    });
    expect(of(252).lost).toEqual([]);
    expect(() => of(255)).toThrow(failure);
    if (/["']/.test(odd)) expect(() => of(257)).toThrow(failure);
    else expect(of(257).lost).toEqual([]);
    expect(() => of(undefined)).toThrow(failure);
  }
  expect(() => plan(request(), facts({ runtime: RUNC, systemdVersion: 257 }))).not.toThrow();
});

test("planDeployment() has a missing source, and one below /run, made at boot", () => {
  const made = plan(
    request({
      volumes: [parseVolume("/srv/new:/a"), parseVolume("/run/flannel:/b"), parseVolume("/srv/old:/c")],
    }),
    facts({
      config: { volumes: [] },
      kindOf: (path) => (path === "/srv/new" ? "absent" : "dir"),
    }),
  );
  expect(made.state).toEqual([]);
  expect(made.sources.map(({ path }) => path)).toEqual(["/srv/new", "/run/flannel"]);
});

test.each([
  ["systemd", SYSTEMD],
  ["runc", RUNC],
])("planDeployment() for %s keeps values and environment out of the unit", (_, runtime) => {
  const made = plan(
    request({ values: { TOKEN: "sesame-1" }, environment: { KEY: "sesame-2" } }),
    facts({ runtime }),
  );
  for (const { name, text: content, mode } of made.files) {
    if (content.includes("sesame"))
      expect([name, mode]).toEqual([expect.stringMatching(/^(config\.json|environment|info)$/), 0o600]);
  }
  const env = (JSON.parse(text(made, "config.json")) as { process: { env: string[] } }).process.env;
  expect(env).toEqual(expect.arrayContaining(["TOKEN=sesame-1", "KEY=sesame-2"]));
});

test.each([
  ["a newline", "a\nExecStartPre=/bin/evil"],
  ["a closing quote", '" ; /bin/evil "'],
  ["a specifier", "%H%n"],
  ["a variable", "$HOME${PATH}"],
  ["a continuation", "a\\"],
  ["a prefix", "-@+!:x"],
  ["a section", "x\n[Install]\nWantedBy=evil.target"],
])("planDeployment() keeps %s of an image inside its line", (_, hostile) => {
  const known = facts({
    runtime: SYSTEMD,
    config: {
      cmd: [hostile, ";", "-x"],
      labels: { "org.opencontainers.image.title": hostile, "berth.notify": "true" },
    },
  });
  const made = plan(request(), known);
  const unit = parseUnit(text(made, "etcd.service"));
  expect(unit.sections.map((section) => section.name)).toEqual(["Unit", "Service", "Install"]);
  expect(getAllValues(unit, { section: "Service", key: "ExecStart" })).toHaveLength(1);
  expect(getAllValues(unit, { section: "Service", key: "ExecStartPre" })).toEqual([]);
  expect(getValue(unit, { section: "Install", key: "WantedBy" })).toBe("multi-user.target");
  expect((JSON.parse(text(made, "config.json")) as { process: { args: string[] } }).process.args).toEqual([
    "/usr/bin/etcd",
    hostile,
    ";",
    "-x",
  ]);
});

test("planDeployment() keeps quotes and braces of an image inside the JSON", () => {
  const hostile = '"], "hooks": {"prestart": [{"path": "/bin/evil"}]}, "x": ["<%= 1 %>';
  const made = plan(request(), facts({ config: { cmd: [hostile] } }));
  const config = JSON.parse(text(made, "config.json")) as { hooks?: unknown; process: { args: string[] } };
  expect(config.hooks).toBeUndefined();
  expect(config.process.args[1]).toBe(hostile);
});

test("planDeployment() has sysusers make the account that systemd would not find", () => {
  const made = plan(
    request(),
    facts({ runtime: SYSTEMD, user: { uid: 4711, gid: 4712, additionalGids: [], home: "/" } }),
  );
  expect(text(made, "sysusers-etcd.conf")).toBe(
    'g berth-4712 4712\nu berth-4711 4711:4712 "Service installed from an image" / -\n',
  );
  expect(made.hostFiles.map(({ path }) => path)).toContain("/etc/sysusers.d/berth-etcd.conf");
});

test("planDeployment() gives a process of another user no capability to begin with", () => {
  const made = plan(request(), facts({ user: { uid: 7, gid: 7, additionalGids: [], home: "/" } }));
  const { capabilities } = (
    JSON.parse(text(made, "config.json")) as { process: { capabilities: Record<string, string[]> } }
  ).process;
  expect(capabilities).toMatchObject({ effective: [], permitted: [], inheritable: [], ambient: [] });
});

test.each([
  ["no program", facts({ config: { entrypoint: [], cmd: [] } }), "neither Entrypoint nor Cmd"],
  ["a program it does not hold", facts({ isExecutable: () => false }), '"/usr/bin/etcd", but holds no such'],
  [
    "a relative working directory",
    facts({ config: { workingDir: "srv" } }),
    '"srv" is not a path of its own',
  ],
  [
    "a working directory behind /proc",
    facts({ config: { workingDir: "/proc/self/fd/7" } }),
    "is not a path of its own",
  ],
  [
    "a volume that leaves its root",
    facts({ config: { volumes: ["/../etc"] } }),
    "is not a path below its root",
  ],
  [
    "two volumes that one directory would hold",
    facts({ config: { volumes: ["/a/b", "/a/b/", "/a-b"] } }),
    "the volumes /a/b and /a-b would share /var/lib/etcd/a-b",
  ],
  ["a stop signal that is none", facts({ config: { stopSignal: "SIG TERM" } }), "stop signal"],
])("planDeployment() refuses an image with %s", (_, known, reason) => {
  expect(() => plan(request(), known)).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(reason) }),
  );
});

test("planDeployment() names what systemd cannot do for an admin's own template", async () => {
  const withPid: Render = (name, data) =>
    name === "config.json.ejs"
      ? render(name, { ...data, namespaces: [{ type: "mount" }, { type: "pid" }] })
      : render(name, data);
  try {
    planDeployment("etcd", request(), { facts: facts({ runtime: SYSTEMD }), render: withPid });
    expect.unreachable();
  } catch (error) {
    if (!isFailure(error, "RUNTIME_UNSUPPORTED")) throw error;
    expect(error.message).toContain("a pid namespace");
  }
});

test("planDeployment() gives a privileged container what root has, and masks nothing", () => {
  const config = JSON.parse(
    text(plan(request({ privileged: true }), facts({ runtime: RUNC })), "config.json"),
  );
  expect(config.process.noNewPrivileges).toBe(false);
  expect(config.process.capabilities.effective).toContain("CAP_SYS_ADMIN");
  const at = (path: string) =>
    config.mounts.find((mount: { destination: string }) => mount.destination === path);
  expect(at("/dev")).toMatchObject({ type: "bind", source: "/dev" });
  expect(at("/sys").options).not.toContain("ro");
  expect(config.linux).not.toHaveProperty("maskedPaths");
  expect(config.linux).not.toHaveProperty("readonlyPaths");
});
