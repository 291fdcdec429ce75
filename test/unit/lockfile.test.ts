import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

interface LockedPackage {
  version?: string;
  resolved?: string;
  dev?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
}

const project = join(import.meta.dirname, "../..");
const { packages } = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")) as {
  packages: Record<string, LockedPackage>;
};
const locked = Object.entries(packages).filter(([path]) => path !== "");
const nameOf = (path: string): string => path.replace(/^.*node_modules\//, "");

test("the lock file names no registry", () => {
  expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});

test("the lock file holds nothing that a compiler makes", () => {
  const compiling = ["node-gyp", "node-gyp-build", "prebuild-install", "bindings", "nan", "node-addon-api"];
  expect(locked.filter(([path]) => compiling.includes(nameOf(path)))).toEqual([]);
  const needing = locked.filter(([, { dependencies = {} }]) =>
    compiling.some((name) => name in dependencies),
  );
  expect(needing).toEqual([]);
});

test("the lock file lets two packages run a script when berth is installed: both fetch or check a finished binary", () => {
  const scripted = locked.filter(
    ([, { dev, hasInstallScript }]) => dev !== true && hasInstallScript === true,
  );
  expect(scripted.map(([path]) => nameOf(path))).toEqual(["koffi", "node"]);
});

test("the lock file has an empty package for the native usocket of dbus-next", () => {
  const found = locked.filter(([path]) => nameOf(path) === "usocket");
  expect(found).toHaveLength(1);
  expect(found[0]?.[1]).toMatchObject({ name: "empty-npm-package", version: "1.0.0" });
});

test("the lock file has the xml2js without the fault of the one that dbus-next asks for", () => {
  const found = locked.filter(([path]) => nameOf(path) === "xml2js");
  expect(found.map(([, { version }]) => version)).toEqual([expect.stringMatching(/^0\.6\./)]);
});

test("the first file asks for the Node that package.json names", () => {
  const manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
    engines: { node: string };
  };
  const [, needed] =
    readFileSync(join(project, "bin/berth.js"), "utf8").match(/^const NEEDED = (\d+);$/m) ?? [];
  expect(manifest.engines.node).toBe(`>=${needed}`);
});
