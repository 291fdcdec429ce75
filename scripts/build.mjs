// src/ -> dist/: by tsc, file by file, the library with its types; by rolldown, in dist/bundle/, the command.
//
// The command is bundled for its start: as CommonJS in few files, `berth --help` takes 0.4 times an empty Node less than
// from the files of tsc, most of it in the wrappers that Node makes around its own modules for ES modules.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const project = fileURLToPath(new URL("..", import.meta.url));
const at = (...names) => join(project, ...names);

/** Each begins a thread or a process, so that it must be a file under its own name. */
const ENTRIES = ["src/cli.ts", "src/store/worker.ts", "src/store/hash-worker.ts", "src/store/link-worker.ts"];
/** Native, asked for by dbus-next and never needed, or under a licence (LGPL) that wants it to be replaceable. */
const EXTERNAL = ["koffi", "usocket", "x11", "openpgp"];

/** commander can start subcommands that are programs of their own; berth has none, and loading child_process takes time. */
const withoutSubprograms = {
  name: "commander-without-subprograms",
  resolveId: (name, importer) =>
    name === "node:child_process" && importer?.includes("/commander/") ? "\0no-subprograms" : null,
  load: (id) => (id === "\0no-subprograms" ? "export default {};" : null),
};

/** Of undici only what sends requests: its index loads fetch, caches and mocks too, which takes 30 ms and 12 MB. */
const withSmallUndici = {
  name: "small-undici",
  load: (id) =>
    id.endsWith("/node_modules/undici/index.js")
      ? `Object.assign(require("./lib/dispatcher/dispatcher.js").prototype, require("./lib/api/index.js"));
         exports.Agent = require("./lib/dispatcher/agent.js");
         exports.EnvHttpProxyAgent = require("./lib/dispatcher/env-http-proxy-agent.js");`
      : null,
};

/** Modules of Node that take milliseconds to load (crypto: 3.5) are loaded when something of them is first used. */
const LATE = ["node:crypto", "node:worker_threads"];
const withLateModules = {
  name: "late-modules",
  renderChunk: (code) =>
    code.replace(/^let (\w+) = require\("(node:\w+)"\);$/gm, (declaration, name, module) => {
      if (!LATE.includes(module)) return declaration;
      const used = new Set(
        [...code.matchAll(new RegExp(`\\b${name}\\.(\\w+)`, "g"))].map(([, member]) => member),
      );
      const getters = [...used].map((member) => `get ${member}() { return require("${module}").${member}; }`);
      return `const ${name} = { ${getters.join(", ")} };`;
    }),
};

/** What is needed together is one file: each takes 0.3 ms. */
const CHUNKS = [
  { name: "base", test: /\/src\/(errors|home|version)\.ts$/ },
  {
    name: "command",
    test: /\/src\/((run|program|config|view)\.ts|output\/|commands\/verbs\.ts)|\/commander\//,
  },
  // Without what only some commands need: it loads modules of Node that every start would wait for.
  {
    name: "oci",
    test: /\/src\/(oci\/(?!runtime-|convert-|image-user)|sys\/(?!terminal|enter|seccomp|become|mount-tree|datagram))/,
  },
];

rmSync(at("dist"), { recursive: true, force: true });
const tsc = [at("node_modules/typescript/bin/tsc"), "-p", at("tsconfig.build.json")];
const { status } = spawnSync(process.execPath, tsc, { stdio: "inherit" });
if (status !== 0) process.exit(1);

const bundle = await rolldown({
  input: ENTRIES.map((entry) => at(entry)),
  platform: "node",
  external: EXTERNAL,
  plugins: [withoutSubprograms, withSmallUndici, withLateModules],
});
await bundle.write({
  dir: at("dist/bundle"),
  format: "cjs",
  entryFileNames: "[name].cjs",
  chunkFileNames: "[name].cjs",
  codeSplitting: { groups: CHUNKS },
  cleanDir: true,
});
await bundle.close();
