#!/usr/bin/env node
"use strict";
// The first file that runs, whatever Node runs it: old JavaScript and no imports until the version is known.
const NEEDED = 24;

if (Number(process.versions.node.split(".")[0]) >= NEEDED) start();
else restart();

function start() {
  const fs = require("fs");
  const path = require("path");
  const home = path.dirname(__dirname);
  const cache = findCache(fs, home);
  if (cache) require("module").enableCompileCache(cache);
  const built = path.join(home, "dist/bundle/cli.cjs");
  require(fs.existsSync(built) ? built : path.join(home, "src/cli.ts")).main();
}

/**
 * Where compiled code is kept. What lies there is run: it must be the caller's, and nobody else's to write to. Beside
 * the code where that is the caller's and not read-only, else where only root can make a directory.
 */
function findCache(fs, home) {
  const isOwn = (stat) => stat.isDirectory() && stat.uid === process.geteuid() && (stat.mode & 0o022) === 0;
  const places = ["/var/cache/berth"];
  if (isOwn(fs.lstatSync(home))) places.unshift(`${home}/.compile-cache`);
  for (const place of places) {
    const found = fs.lstatSync(place, { throwIfNoEntry: false });
    if (found) return isOwn(found) ? place : undefined;
    try {
      fs.mkdirSync(place, { mode: 0o700 });
      return place;
    } catch (error) {
      if (["EROFS", "EACCES", "ENOENT", "EEXIST"].indexOf(error.code) === -1) throw error;
    }
  }
  return undefined;
}

/** Runs the same command with the Node that berth brings; its stdio, signals and status are passed on. */
function restart() {
  const own = ownNode();
  if (!own) {
    console.error(
      `berth: needs Node ${NEEDED} or newer, this is ${process.version}, and its own is not installed`,
    );
    console.error(`hint: run \`npm ci\` in ${require("path").dirname(__dirname)}`);
    process.exit(1);
  }
  const child = require("child_process").spawn(own, process.argv.slice(1), { stdio: "inherit" });
  const forward = (signal) => child.kill(signal);
  const signals = ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];
  signals.forEach((signal) => {
    process.on(signal, forward);
  });
  process.on("SIGINT", forward);
  child.on("error", (error) => {
    console.error(`berth: cannot run ${own}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (status, signal) => {
    if (signal === null) process.exit(status);
    signals.concat("SIGINT").forEach((name) => {
      process.removeListener(name, forward);
    });
    process.kill(process.pid, signal);
  });
}

function ownNode() {
  const fs = require("fs");
  const running = fs.realpathSync(process.execPath);
  const candidates = [
    () => require("path").join(__dirname, "node"), // as installed on a host
    () => require.resolve("node/bin/node"), // as installed by npm
  ];
  for (const candidate of candidates) {
    try {
      const node = fs.realpathSync(candidate());
      if (node !== running) return node;
    } catch (error) {
      if (error.code !== "ENOENT" && error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  return undefined;
}
