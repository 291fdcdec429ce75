/** Programs of Debian packages as content: unpacked with what they need, never installed, and run with the libraries of their own release. */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { cached } from "./cache.ts";
import { downloadGroups, type Suite, sourcesOf, unpackPackages } from "./debian.ts";

export interface DebianProgram {
  suite: Suite;
  packageName: string;
  /** In the package: `usr/bin/skopeo`. */
  path: string;
}

/** What to call in its place: its release's own dynamic loader, and arguments that come before the program's. */
export async function debianProgram({ suite, packageName, path }: DebianProgram): Promise<readonly string[]> {
  const use = `${packageName}-${suite}`;
  const debs = await downloadGroups(use, { groups: [[packageName]], lines: sourcesOf(suite) });
  const dir = await cached({
    kind: `program-${use}`,
    from: basename(debs),
    make: async (into) => {
      const names = (await readdir(join(debs, "0"))).map((file) => file.split("_", 1)[0] ?? "");
      await unpackPackages(into, { debs: join(debs, "0"), names });
    },
  });
  const libraries = await only(join(dir, "usr/lib"), /^[a-z0-9_]+-linux-gnu/);
  const places = [libraries, libraries.replace("/usr/lib/", "/lib/")];
  const loader = await loaderIn(places);
  return [loader, "--library-path", places.join(":"), join(dir, path)];
}

async function loaderIn(places: readonly string[]): Promise<string> {
  for (const place of places) {
    const found = await only(place, /^ld-linux.*\.so\.\d$/).catch(() => undefined);
    if (found !== undefined) return found;
  }
  throw new Error(`no dynamic loader in ${places.join(", ")}`);
}

async function only(dir: string, pattern: RegExp): Promise<string> {
  const found = (await readdir(dir)).find((name) => pattern.test(name));
  if (found === undefined) throw new Error(`nothing in ${dir} is called ${pattern.source}`);
  return join(dir, found);
}
