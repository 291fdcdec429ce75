import { describe, expect, test } from "vitest";
import type { Plan } from "../../../src/deploy/plan.ts";
import { parseVolume } from "../../../src/deploy/volume.ts";
import type { RuntimeConfig } from "../../../src/oci/runtime-config.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import { getAllValues, getValue, parseUnit } from "../../../src/unit/unit-file.ts";
import { failureOf } from "../../support/failures.ts";
import { CONFIG, FULL, infoOf, plan, text, UNIT } from "./exports-plan.ts";
import { facts } from "./facts.ts";

const RUNC: Runtime = { kind: "oci", path: "/usr/sbin/runc", flavor: "runc" };
const CRUN: Runtime = { kind: "oci", path: "/usr/bin/crun", flavor: "crun" };
const SYSTEMD: Runtime = { kind: "systemd" };
const CHROOT: Runtime = { kind: "chroot", path: "/usr/sbin/chroot" };

const configOf = (made: Plan): RuntimeConfig => JSON.parse(text(made, "config.json")) as RuntimeConfig;
const dropIn = (made: Plan, key: string): string | undefined =>
  getValue(parseUnit(text(made, "10-berth.conf")), { section: "Service", key });

describe("the unit of an image", () => {
  test("is its own text with the runtime's foreground line, and says nothing of cleaning up", () => {
    const made = plan(FULL, { asked: { values: { RECEIVER: "you" } } });
    expect(text(made, "hello.service")).toBe(`[Unit]
Description=Hello you from hello
[Service]
ExecStartPre=
ExecStart=/usr/sbin/runc run --bundle /var/lib/berth/containers/hello.0 hello
ExecStop=
ExecStopPost=
WorkingDirectory=/var/lib/berth/containers/hello.0
PIDFile=/run/container-hello.pid
Restart=on-crash
[Install]
WantedBy=multi-user.target
`);
    expect(dropIn(made, "ExecStartPre")).toBe("-/usr/sbin/runc delete --force hello");
    expect(dropIn(made, "ExecStopPost")).toBe("-/usr/sbin/runc delete --force hello");
    expect(dropIn(made, "Delegate")).toBe("yes");
    expect(dropIn(made, "Type")).toBeUndefined();
  });

  test("says itself what berth's drop-in says otherwise", () => {
    const own = "KillSignal=SIGRTMIN+3\nTimeoutStopSec=5min\nSyslogIdentifier=own\nWatchdogSec=7\n";
    const made = plan({ ...FULL, serviceTemplate: UNIT.replace("[Install]", `${own}[Install]`) });
    for (const key of ["KillSignal", "TimeoutStopSec", "SyslogIdentifier", "WatchdogSec"])
      expect(dropIn(made, key)).toBeUndefined();
    expect(dropIn(plan(FULL), "TimeoutStopSec")).toBe("30");
    expect(dropIn(plan(FULL), "SyslogIdentifier")).toBe("hello");
  });

  test.each([
    ["Type=forking", {}, "simple"],
    ["Type=notify", {}, undefined],
    ["Type=notify", { notify: false }, "exec"],
    ["Type=exec", { notify: true }, "notify"],
    ["Type=exec", {}, undefined],
  ])("of %s with %j gets Type=%s of the drop-in", (line, asked, type) => {
    const made = plan(
      { ...FULL, serviceTemplate: UNIT.replace("[Install]", `${line}\n[Install]`) },
      { asked },
    );
    expect(dropIn(made, "Type")).toBe(type);
  });

  test("is berth's where the image has none", () => {
    const made = plan({ ...FULL, serviceTemplate: undefined as never });
    expect(text(made, "hello.service")).toContain("X-Berth-Digest=");
  });

  test("is wanted by what the admin says", () => {
    const made = plan(FULL, { asked: { wantedBy: ["docker.service"] } });
    expect(
      getAllValues(parseUnit(text(made, "hello.service")), { section: "Install", key: "WantedBy" }),
    ).toEqual(["docker.service"]);
  });

  test.each([
    ["systemd", SYSTEMD, "/usr/bin/run.sh"],
    ["chroot", CHROOT, "/usr/sbin/chroot /var/lib/berth/containers/hello.0/rootfs /usr/bin/run.sh"],
  ])("starts the container's own command under %s, from its root", (_, runtime, line) => {
    const made = plan(FULL, { known: { runtime } });
    expect(getValue(parseUnit(text(made, "hello.service")), { section: "Service", key: "ExecStart" })).toBe(
      line,
    );
    expect(dropIn(made, "WorkingDirectory")).toBe("/");
  });

  test.each([
    ["systemd", SYSTEMD],
    ["chroot", CHROOT],
  ])(
    "with other commands is refused under %s, and goes without them when that is asked for",
    async (_, runtime) => {
      const serviceTemplate = UNIT.replace("$EXEC_STARTPRE", "/bin/sh -c 'echo on the host'");
      const files = { ...FULL, serviceTemplate };
      expect(await failureOf(() => plan(files, { known: { runtime } }))).toMatchObject({
        code: "RUNTIME_UNSUPPORTED",
        message: expect.stringContaining("ExecStartPre"),
      });
      const made = plan(files, { known: { runtime }, asked: { runtimeLossy: true } });
      expect(dropIn(made, "ExecStartPre")).toBe("");
      expect(made.lost).toContain("the unit's own ExecStartPre=");
      expect(plan(files, { known: { runtime: RUNC } }).lost).toEqual([]);
    },
  );
});

describe("the configuration of an image", () => {
  test("is converted, checked, and told what was changed", () => {
    const made = plan(FULL);
    expect(configOf(made)).toMatchObject({
      ociVersion: "1.0.2",
      process: { args: ["run.sh"], capabilities: { bounding: ["CAP_CHOWN", "CAP_SYS_ADMIN"] } },
      root: { path: "rootfs", readonly: true },
      linux: { cgroupsPath: "/system.slice/hello.service/container", namespaces: [{ type: "mount" }] },
    });
    expect(configOf(made).mounts[1]).toEqual({
      destination: "/var/run",
      type: "bind",
      source: "/run/hello",
      options: ["bind", "rw"],
    });
    expect(made.notes).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^\/exports\/config\.json\.template: it is written for version 0\.3\.0/),
      ]),
    );
  });

  test("is taken as it is from config.json, whatever the template says", () => {
    const literal = { ...CONFIG, process: { ...CONFIG.process, env: ["A=$NAME"] } };
    const made = plan({ ...FULL, config: JSON.stringify(literal), configTemplate: "$MISSING" });
    expect(configOf(made).process.env).toEqual(["A=$NAME"]);
  });

  test.each([
    ["none", undefined],
    ["an empty one", "{}"],
  ])("is berth's where the image has %s", (_, config) => {
    const made = plan({
      serviceTemplate: UNIT,
      manifest: FULL.manifest,
      ...(config === undefined ? {} : { config }),
    });
    expect(configOf(made).process.args).toEqual(["/usr/bin/etcd", "--name", "default"]);
    expect(made.state).not.toEqual([]);
  });

  test("starts run.sh where the image names no program", () => {
    const known = facts({ config: { entrypoint: [], cmd: [] } });
    const made = plan(
      { serviceTemplate: "[Service]\nExecStart=$EXEC_START\n" },
      { known: { image: known.image } },
    );
    expect(configOf(made).process.args).toEqual(["/usr/local/sbin/run.sh"]);
  });

  test.each([
    ["what is no JSON", "{secret", "Invalid json in configuration file: /exports/config.json."],
    ["a list", "[]", "Invalid json in configuration file: /exports/config.json."],
    [
      "a writable root",
      JSON.stringify({ ...CONFIG, root: { path: "rootfs" } }),
      "Invalid configuration file.  Only readonly images are supported",
    ],
    [
      "another root",
      JSON.stringify({ ...CONFIG, root: { path: "/", readonly: true } }),
      "Invalid configuration file.  Path must be 'rootfs'",
    ],
  ])("is refused for %s, in Atomic's words and without values", async (_, config, message) => {
    const failure = await failureOf(() => plan({ ...FULL, config }));
    expect(failure).toMatchObject({ code: "CONFIG_INVALID", message });
    expect(`${failure.hint} ${String(failure.cause)}`).not.toContain("secret");
  });

  test("is refused for hooks", async () => {
    const config = JSON.stringify({ ...CONFIG, hooks: { prestart: [{ path: "/x" }] } });
    expect(await failureOf(() => plan({ ...FULL, config }))).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("hooks"),
    });
  });

  test("gets a root to write to when the admin says so", () => {
    const config = JSON.stringify({ ...CONFIG, root: { path: "rootfs" } });
    const made = plan({ ...FULL, config }, { asked: { writable: "discard" } });
    expect(configOf(made).root).toEqual({ path: "root", readonly: false });
    expect(made.directories.map(({ name }) => name)).toEqual(["upper", "work", "root"]);
  });

  test("gets volumes and variables of the admin's, in place of its own", () => {
    const made = plan(FULL, {
      asked: { volumes: [parseVolume("/srv/x:/var/run")], environment: { UUID: "mine", B: "2" } },
    });
    expect(configOf(made).mounts.filter(({ destination }) => destination === "/var/run")).toEqual([
      expect.objectContaining({ source: "/srv/x" }),
    ]);
    expect(configOf(made).process.env).toEqual(["PATH=/usr/bin", "UUID=mine", "B=2"]);
  });

  test("has no volumes of the image's settings, nor files of the host that it does not ask for", () => {
    const made = plan(FULL);
    expect(made.state).toEqual([]);
    expect(configOf(made).mounts.map(({ destination }) => destination)).toEqual(["/proc", "/var/run"]);
  });

  test("finds in the checkout what it mounts on, a file for a file", () => {
    const mounts = [
      ...CONFIG.mounts,
      { destination: "/etc/app.conf", type: "bind", source: "/etc/app.conf" },
      { destination: "/var/run/below", type: "tmpfs", source: "tmpfs" },
    ];
    const made = plan(
      { ...FULL, configTemplate: JSON.stringify({ ...CONFIG, mounts }) },
      { known: { kindOf: (path) => (path.endsWith(".conf") ? "file" : "dir") } },
    );
    expect(made.mountTargets).toEqual([
      { path: "/", type: "dir" },
      { path: "/proc", type: "dir" },
      { path: "/var/run", type: "dir" },
      { path: "/etc/app.conf", type: "file" },
    ]);
  });

  test.each([
    ["runc", RUNC, "/run/host/notify"],
    ["crun", CRUN, "/run/host/notify"],
  ])("has the notify socket under %s when the unit says Type=notify", (_, runtime, place) => {
    const serviceTemplate = UNIT.replace("[Install]", "Type=notify\nNotifyAccess=all\n[Install]");
    const made = plan({ ...FULL, serviceTemplate }, { known: { runtime } });
    expect(configOf(made).process.env).toContain(`NOTIFY_SOCKET=${place}`);
    expect(configOf(made).mounts.at(-1)).toMatchObject({ source: "/run/systemd/notify", destination: place });
    expect(dropIn(made, "UnsetEnvironment")).toBe("NOTIFY_SOCKET");
    expect(made.mountTargets).toContainEqual({ path: place, type: "file" });
  });

  test.each([
    ["the host's /run", "/run", "/run/systemd/notify"],
    ["another directory of the host's", "/srv/run", "/.berth-notify"],
  ])("with %s at /run has the notify socket at a place of its own", (_, source, place) => {
    const serviceTemplate = UNIT.replace("[Install]", "Type=notify\n[Install]");
    const mounts = [{ destination: "/run", type: "bind", source, options: ["rbind"] }];
    const made = plan({ ...FULL, serviceTemplate, configTemplate: JSON.stringify({ ...CONFIG, mounts }) });
    expect(configOf(made).process.env).toContain(`NOTIFY_SOCKET=${place}`);
    expect(configOf(made).mounts.map(({ destination }) => destination)).toEqual(
      place.startsWith("/run") ? ["/run"] : ["/run", place],
    );
  });

  test("keeps the largest numbers that JSON readers round", () => {
    const rlimits = '[{"type":"RLIMIT_CORE","soft":9223372036854775807,"hard":18446744073709551615}]';
    const config = JSON.stringify(CONFIG).replace('"terminal":false', `"rlimits":${rlimits}`);
    const made = text(plan({ ...FULL, config }), "config.json");
    expect(made).toContain('"soft": 9223372036854775807');
    expect(made).toContain('"hard": 18446744073709551615');
  });
});

describe("tmpfiles lines", () => {
  const absent = { kindOf: () => "absent" as const };

  test("are the image's own", () => {
    const made = plan(
      { ...FULL, tmpfilesTemplate: "D ${RUN_DIRECTORY}/${NAME} 0700 - - - -" },
      { known: absent },
    );
    expect(text(made, "tmpfiles-hello.conf")).toBe("D /run/hello 0700 - - - -\n");
    expect(made.hostFiles).toContainEqual(expect.objectContaining({ path: "/etc/tmpfiles.d/hello.conf" }));
  });

  test("are none for an empty template", () => {
    const made = plan({ ...FULL, tmpfilesTemplate: "" }, { known: absent });
    expect(made.files.map(({ name }) => name)).not.toContain("tmpfiles-hello.conf");
  });

  test("are made for what the configuration binds and the host lacks", () => {
    const made = plan(FULL, { known: { ...absent, caller: { uid: 3, gid: 4 } } });
    expect(text(made, "tmpfiles-hello.conf")).toBe("d /run/hello :0700 :3 :4 - -\n");
    expect(plan(FULL).files.map(({ name }) => name)).not.toContain("tmpfiles-hello.conf");
  });

  test("stay with an update for what the deployment before had made", () => {
    const made = plan(FULL, { known: { madeSources: new Set(["/run/hello"]) } });
    expect(text(made, "tmpfiles-hello.conf")).toBe("d /run/hello :0700 :0 :0 - -\n");
  });
});

describe("the record", () => {
  test("has all values, and those that were set apart", () => {
    const info = infoOf(plan(FULL, { asked: { values: { RECEIVER: "you" } } }));
    expect(info.values).toMatchObject({
      RECEIVER: "you",
      NAME: "hello",
      HOST_UID: 0,
      UUID: expect.any(String),
    });
    expect(info.berth.request.values).toEqual({ RECEIVER: "you" });
    expect(info["has-container-service"]).toBe(true);
  });

  test("has the health check of manifest.json", () => {
    const manifest = { defaultValues: { RECEIVER: "x", PORT: "80" }, berth: { health: { tcp: "$PORT" } } };
    expect(infoOf(plan({ ...FULL, manifest })).berth.health).toMatchObject({
      probe: { type: "tcp", port: 80 },
    });
  });
});

test("an image without a service has neither unit nor configuration, and is not started", () => {
  const made = plan({
    manifest: { noContainerService: true },
    serviceTemplate: UNIT,
    tmpfilesTemplate: "d /x",
  });
  expect(made).toMatchObject({ service: false, start: false, enable: false, mountTargets: [] });
  expect(made.files.map(({ name }) => name)).toEqual(["tmpfiles-hello.conf", "info"]);
  expect(infoOf(made)["has-container-service"]).toBe(false);
});

test("planDeployment() names the value that a template lacks", async () => {
  expect(await failureOf(() => plan({ ...FULL, manifest: {} }))).toMatchObject({
    code: "VALUE_MISSING",
    message:
      "The template file '/exports/service.template' still contains an unreplaced value for: ''RECEIVER''",
  });
});
