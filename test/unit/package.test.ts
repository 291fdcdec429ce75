import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const project = join(import.meta.dirname, "../..");

test("npm pack holds what berth needs to run, and nothing of its making", () => {
  const words = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [packed] = JSON.parse(execFileSync("npm", words, { cwd: project, encoding: "utf8" })) as [
    { files: { path: string; mode: number }[] },
  ];
  const paths = packed.files.map(({ path }) => path);
  expect(new Set(paths.map((path) => path.split("/")[0]))).toEqual(
    new Set([
      ...["bin", "dist", "templates", "units", "docs"],
      ...["package.json", "README.md", "LICENSE", "CHANGELOG.md"],
    ]),
  );
  expect(paths).toEqual(
    expect.arrayContaining([
      "bin/berth.js",
      "bin/package.json",
      "dist/bundle/cli.cjs",
      "dist/index.js",
      "dist/index.d.ts",
    ]),
  );
  expect(packed.files.find(({ path }) => path === "bin/berth.js")?.mode).toBe(0o755);
});
