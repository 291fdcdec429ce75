/** Plans of images in the /exports format, for the tests of what becomes of them. */
import { type Exports, parseExports } from "../../../src/deploy/exports.ts";
import type { Info } from "../../../src/deploy/info.ts";
import { type Facts, type Plan, planDeployment } from "../../../src/deploy/plan.ts";
import { loadTemplates, type Render } from "../../../src/render/templates.ts";
import { facts, request } from "./facts.ts";

export const UNIT = `[Unit]
Description=Hello $RECEIVER from \${NAME}
[Service]
ExecStartPre=$EXEC_STARTPRE
ExecStart=$EXEC_START
ExecStop=$EXEC_STOP
ExecStopPost=$EXEC_STOPPOST
WorkingDirectory=$DESTDIR
PIDFile=$PIDFILE
Restart=on-crash
[Install]
WantedBy=multi-user.target
`;

export const CONFIG = {
  ociVersion: "0.3.0",
  platform: { os: "linux", arch: "amd64" },
  process: { terminal: false, user: {}, args: ["run.sh"], env: ["PATH=/usr/bin", "UUID=$UUID"], cwd: "/" },
  root: { path: "rootfs", readonly: true },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    {
      destination: "/var/run/",
      type: "bind",
      source: "${RUN_DIRECTORY}/${NAME}",
      options: ["rw", "mode=755"],
    },
  ],
  linux: { capabilities: ["CAP_CHOWN", "CAP_SYS_ADMIN"], namespaces: [{ type: "mount" }] },
};

export interface Files {
  manifest?: unknown;
  config?: string;
  configTemplate?: string;
  serviceTemplate?: string;
  tmpfilesTemplate?: string;
}

export function exportsOf({ manifest, ...files }: Files): Exports {
  const texts = { ...files, manifest: manifest === undefined ? undefined : JSON.stringify(manifest) };
  const none = {
    manifest: undefined,
    config: undefined,
    configTemplate: undefined,
    serviceTemplate: undefined,
    tmpfilesTemplate: undefined,
  };
  const bytes = Object.entries(texts).map(([name, text]) => [
    name,
    text === undefined ? undefined : Buffer.from(text),
  ]);
  return parseExports({ files: { ...none, ...Object.fromEntries(bytes) }, hostfs: [] }, { image: "hello" });
}

export const FULL: Files = {
  manifest: { defaultValues: { RECEIVER: "World" } },
  configTemplate: JSON.stringify(CONFIG),
  serviceTemplate: UNIT,
};

export const render: Render = await loadTemplates("/nonexistent");

export function plan(
  files: Files,
  { asked = {}, known = {} }: { asked?: object; known?: Partial<Facts> } = {},
): Plan {
  const all = facts({ exports: exportsOf(files), dir: "/var/lib/berth/containers/hello.0", ...known });
  return planDeployment("hello", request(asked), { facts: all, render });
}

export function text(made: Plan, name: string): string {
  const file = made.files.find((candidate) => candidate.name === name);
  if (file === undefined) throw new Error(`no ${name}: ${made.files.map((each) => each.name).join(", ")}`);
  return file.text;
}

export const infoOf = (made: Plan): Info => JSON.parse(text(made, "info")) as Info;
