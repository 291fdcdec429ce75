/**
 * Makes a fresh clone ready: node_modules, dist/ and the Debian packages that the tests and the demo call. Plain
 * JavaScript without dependencies, for it runs on whatever Node (>= 20) the machine has, with nothing installed yet.
 * Does nothing that is already done.
 *
 *   node scripts/setup.mjs
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const project = dirname(dirname(fileURLToPath(import.meta.url)));

/** What is called on the host: [command, the Debian package that brings it]. None of them is to start a service: see withoutServices. */
const TOOLS = [
  ["systemd-nspawn", "systemd-container"],
  ["systemd-analyze", "systemd"],
  ["dbus-daemon", "dbus-daemon"],
  ["mmdebstrap", "mmdebstrap"],
  ["umoci", "umoci"],
  ["mkfs.xfs", "xfsprogs"],
  ["skopeo", "skopeo"],
  ["podman", "podman"],
  ["unshare", "util-linux"],
];

/** The same for the tests in a virtual machine, which not everybody runs. */
export const VM_TOOLS = [
  ["qemu-system-x86_64", "qemu-system-x86"],
  ["qemu-img", "qemu-utils"],
  ["mkfs.ext4", "e2fsprogs"],
];

/** Everything, in order. Ends the process with a plain message when a step that nothing can do without fails. */
export function setup() {
  ensureLinux();
  ensureModules();
  ensureBuild();
  ensurePackages();
}

/**
 * Runs a TypeScript file of this project with the project's own Node 24; resolves to its exit status. SIGINT and SIGTERM
 * are passed on, and its orderly end is awaited.
 */
export async function runTypeScript(file, args) {
  const bin = join(project, "node_modules/.bin");
  const child = spawn(join(bin, "node"), [join(project, file), ...args], {
    stdio: "inherit",
    cwd: project,
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  const [status, signal] = await once(child, "exit");
  return status ?? 128 + os.constants.signals[signal];
}

function ensureLinux() {
  if (process.platform !== "linux")
    fail("berth installs systemd services: it is built and tested on Linux only");
}

function ensureModules() {
  if (modulesMatchLockfile()) return;
  say("npm ci (the packages of package-lock.json)");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (!existsSync(join(project, "node_modules/.bin/node")))
    fail("npm ci did not bring Node 24 (the package `node`)");
}

/** Whether each package that package-lock.json requires is there in its version (npm keeps a list of what it put there). */
function modulesMatchLockfile() {
  const wanted = readJson("package-lock.json");
  const present = readJson("node_modules/.package-lock.json");
  if (!present || !existsSync(join(project, "node_modules/.bin/node"))) return false;
  return Object.entries(wanted?.packages ?? {}).every(
    ([path, { version, optional }]) => path === "" || optional || present.packages[path]?.version === version,
  );
}

function ensureBuild() {
  const stamp = join(project, "dist/.built");
  const settings = ["package-lock.json", "tsconfig.json", "tsconfig.build.json", "scripts/build.mjs"];
  const sources = [...settings.map((file) => join(project, file)), ...filesBelow(join(project, "src"))];
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  const names = sources.join("\n");
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= newest && readFileSync(stamp, "utf8") === names) return;
  say("npm run build (src/ to dist/)");
  run("npm", ["run", "--silent", "build"]);
  writeFileSync(stamp, names);
}

/** Installs what is missing of `tools` and says so first. Where it cannot, it says what will be left out and goes on. */
export function ensurePackages(tools = TOOLS) {
  const missing = [...new Set(tools.filter(([command]) => !onPath(command)).map(([, name]) => name))];
  if (missing.length === 0) return;
  const list = missing.join(" ");
  if (!onPath("apt-get"))
    return say(`missing, and this is no Debian machine with apt: ${list}; what needs them is left out`);
  if (process.getuid?.() !== 0) {
    return say(`missing, and only root can install them: ${list}; what needs them is left out`);
  }
  say(`apt-get install ${list} (Debian packages; none of them starts a service)`);
  const install = ["install", "--yes", "--no-install-recommends", ...missing];
  const done = withoutServices(
    () => (hasPackageLists() && apt(install) === 0) || (apt(["update"]) === 0 && apt(install) === 0),
  );
  if (!done) fail(`cannot install the Debian packages ${list}; see apt's message above`);
}

/**
 * Installs without starting or enabling anything: a package may bring units (podman's socket), and this is somebody's
 * machine. A policy that is there already is the admin's and stays.
 */
function withoutServices(install) {
  const policy = "/usr/sbin/policy-rc.d";
  const isOurs = !existsSync(policy);
  const before = new Set(enabledLinks());
  if (isOurs)
    writeFileSync(
      policy,
      "#!/bin/sh\n# no service starts while berth's setup installs packages\nexit 101\n",
      { mode: 0o755 },
    );
  try {
    return install();
  } finally {
    if (isOurs) unlinkSync(policy);
    for (const link of enabledLinks().filter((each) => !before.has(each))) {
      unlinkSync(link);
      say(`left disabled: ${basename(link)}`);
    }
  }
}

/** The links that make units start at boot. */
function enabledLinks() {
  const directory = "/etc/systemd/system";
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((link) => /\.(wants|requires|upholds)$/.test(dirname(link)));
}

function hasPackageLists() {
  return readdirSync("/var/lib/apt/lists").some((file) => file.includes("_Packages"));
}

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status } = spawnSync("apt-get", ["-q", ...args], { stdio: ["ignore", 2, 2], env });
  return status ?? 1;
}

function onPath(command) {
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((dir) =>
    isExecutable(join(dir, command)),
  );
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function filesBelow(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function readJson(file) {
  const path = join(project, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", 2, 2], cwd: project });
  if (status !== 0) fail(`${command} ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup();
