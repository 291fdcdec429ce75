import { expect, test } from "vitest";
import { givenValues } from "../../../src/deploy/atomic-layout.ts";

test.each<[string, Record<string, string>, Record<string, string>]>([
  ["forced ones", { DESTDIR: "/x", NAME: "n", EXEC_START: "runc", IMAGE_ID: "1", HOST_UID: "0" }, {}],
  [
    "what the host has",
    { RUNTIME: "/usr/bin/runc", ATOMIC: "/bin/atomic", ALL_PROCESS_CAPABILITIES: "" },
    {},
  ],
  ["directories as they always are", { RUN_DIRECTORY: "/run", STATE_DIRECTORY: "/var/lib" }, {}],
  ["the manifest's defaults", { PORT: "8081" }, {}],
  ["another port", { PORT: "8082" }, { PORT: "8082" }],
  ["another directory", { CONF_DIRECTORY: "/srv/etc" }, { CONF_DIRECTORY: "/srv/etc" }],
  [
    "the pid file of a run directory",
    { RUN_DIRECTORY: "/r", PIDFILE: "/r/container-n.pid" },
    { RUN_DIRECTORY: "/r" },
  ],
  ["the UUID", { UUID: "0e2b" }, { UUID: "0e2b" }],
])("givenValues of %s", (_, values, expected) => {
  expect(givenValues(values, { name: "n", defaults: { PORT: "8081" } })).toEqual(expected);
});
