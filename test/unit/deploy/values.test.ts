import { describe, expect, test } from "vitest";
import { type HostValues, valuesOf } from "../../../src/deploy/values.ts";
import { parseValues } from "../../../src/deploy/values-file.ts";
import { failureOf } from "../../support/failures.ts";

const host: HostValues = {
  name: "etcd",
  dir: "/var/lib/berth/containers/etcd.0",
  image: { name: "registry.example.com/etcd", id: "ab".repeat(32) },
  uid: 0,
  gid: 0,
  runtime: "/usr/bin/runc",
  atomic: "/usr/bin/berth",
  capabilities: 0b101n,
  uuid: "0f0e0d0c-0b0a-4908-8706-050403020100",
  execStart: "/usr/bin/runc run etcd",
};

describe("valuesOf()", () => {
  test("has every variable of the format", () => {
    expect(valuesOf({}, { defaults: {}, host })).toEqual({
      RUN_DIRECTORY: "/run",
      STATE_DIRECTORY: "/var/lib",
      CONF_DIRECTORY: "/etc",
      PIDFILE: "/run/container-etcd.pid",
      UUID: host.uuid,
      ALL_PROCESS_CAPABILITIES: '"CAP_CHOWN",\n"CAP_DAC_READ_SEARCH"\n',
      RUNTIME: "/usr/bin/runc",
      ATOMIC: "/usr/bin/berth",
      DESTDIR: "/var/lib/berth/containers/etcd.0",
      NAME: "etcd",
      EXEC_START: "/usr/bin/runc run etcd",
      EXEC_STARTPRE: "",
      EXEC_STOP: "",
      EXEC_STOPPOST: "",
      HOST_UID: 0,
      HOST_GID: 0,
      IMAGE_NAME: "registry.example.com/etcd",
      IMAGE_ID: host.image.id,
    });
  });

  const all = { CONF_DIRECTORY: "given", NAME: "given", OWN: "given", UUID: "given" };

  test.each([
    ["a default of the image's own", {}, { OWN: "image" }, "OWN", "image"],
    ["what is set over a default", all, { OWN: "image" }, "OWN", "given"],
    ["the host's word over a default", {}, { CONF_DIRECTORY: "/elsewhere" }, "CONF_DIRECTORY", "/etc"],
    ["what is set over the host's word", all, {}, "CONF_DIRECTORY", "given"],
    ["an empty text that is set", { OWN: "" }, { OWN: "image" }, "OWN", ""],
    ["what is forced over what is set", all, { NAME: "image" }, "NAME", "etcd"],
    ["a UUID that the image fixes", {}, { UUID: "fixed" }, "UUID", "fixed"],
    ["a UUID that is set over one that the image fixes", all, { UUID: "fixed" }, "UUID", "given"],
    ["what is set and nobody knows", { NEW: "x" }, {}, "NEW", "x"],
    [
      "a PID file in the run directory that is set",
      { RUN_DIRECTORY: "/x" },
      {},
      "PIDFILE",
      "/x/container-etcd.pid",
    ],
    ["a PID file that is set", { PIDFILE: "/p" }, {}, "PIDFILE", "/p"],
  ])("takes %s", (_, set, defaults, name, expected) => {
    expect(valuesOf(set, { defaults: defaults as Record<string, string>, host })[name]).toBe(expected);
  });

  test("knows all capabilities where the host's bounds are not known", () => {
    const { ALL_PROCESS_CAPABILITIES } = valuesOf(
      {},
      { defaults: {}, host: { ...host, capabilities: undefined } },
    );
    const names = JSON.parse(`[${ALL_PROCESS_CAPABILITIES}]`) as string[];
    expect(names).toEqual(expect.arrayContaining(["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_MKNOD"]));
    expect(names.length).toBeGreaterThanOrEqual(38);
  });
});

describe("parseValues()", () => {
  test.each([
    ["JSON", '{"PORT": 8081, "A": "x\\ny", "ON": true}', { PORT: "8081", A: "x\ny", ON: "true" }],
    [
      "YAML",
      "PORT: 8081\nMODE: 0755\nA: yes\nB: 'x: y'\n# note\n",
      { PORT: "8081", MODE: "0755", A: "yes", B: "x: y" },
    ],
    ["a text of several lines", "A: |\n  one\n  two\n", { A: "one\ntwo\n" }],
    ["a name without a value", "A:\n", { A: "" }],
    ["an empty file", "", {}],
  ])("reads %s", async (_, text, expected) => {
    expect(await parseValues(text, "v.yaml")).toEqual(expected);
  });

  test.each([
    ["a list", "- A"],
    ["a plain text", "A"],
    ["a value that is a list", "A: [secret]"],
    ["a name twice", "A: secret\nA: secret"],
    ["what is neither", "{A: secret"],
  ])("refuses %s and shows no value", async (_, text) => {
    const failure = await failureOf(() => parseValues(text, "v.yaml"));
    expect(failure).toMatchObject({ code: "USAGE", message: expect.stringMatching(/v\.yaml/) });
    expect(failure.message).not.toMatch(/secret/);
  });
});
