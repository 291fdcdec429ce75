/**
 * The root file system that the machines boot from: a small Debian with systemd, D-Bus, runc and crun, as on a
 * sysadmin's host, and a registry that no boot starts. Made by mmdebstrap once.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cached } from "./cache.ts";
import { downloadPackages, type Suite, sourcesOf, unpackPackages } from "./debian.ts";
import { tool } from "./tool.ts";

const packages = "systemd systemd-sysv dbus runc crun iproute2 procps skopeo etcd-client curl".split(" ");

/** Nobody reads these there, or calls them. */
const excluded = [
  "/usr/share/doc/*",
  "/usr/share/man/*",
  "/usr/share/info/*",
  "/usr/share/locale/*",
  "/usr/lib/cni/*",
];

/** In the machine: where the registry listens once registry.service is started. */
export const registryAddress = "localhost:5000";

const files: Record<string, string> = {
  "etc/hostname": "berth-lab\n",
  "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 berth-lab\n",
  "etc/containers/policy.json": '{ "default": [{ "type": "insecureAcceptAnything" }] }\n',
  "etc/containers/registries.conf.d/lab.conf": `[[registry]]\nlocation = "${registryAddress}"\ninsecure = true\n`,
  "opt/registry/config.yml": [
    "version: 0.1",
    "log: { level: warn }",
    "storage: { filesystem: { rootdirectory: /var/lib/registry }, delete: { enabled: true } }",
    "http: { addr: 127.0.0.1:5000 }",
    "",
  ].join("\n"),
  "etc/systemd/system/registry.service": [
    "[Unit]",
    "Description=Docker registry",
    "[Service]",
    "ExecStart=/opt/registry/usr/bin/docker-registry serve /opt/registry/config.yml",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n"),
};

export async function machineTree(suite: Suite = "bookworm"): Promise<string> {
  return cached({
    kind: suite === "bookworm" ? "tree" : `tree-${suite}`,
    from: treeRecipe(suite),
    make: (dir) => makeTree(dir, { suite }),
  });
}

/** What a tree is made from, for its name in the cache. */
export function treeRecipe(suite: Suite): object {
  return { sources: sourcesOf(suite), packages, excluded, files };
}

/** Fills `DIR/root`. */
export async function makeTree(
  dir: string,
  { suite, more = [] }: { suite: Suite; more?: readonly string[] },
): Promise<void> {
  const debs = await downloadPackages("tree", ["docker-registry"]);
  const root = join(dir, "root");
  const sourcesList = join(dir, "sources.list");
  await writeFile(sourcesList, `${sourcesOf(suite).join("\n")}\n`);
  await tool("unshare", [
    ...["--mount", "--propagation=private", "mmdebstrap"],
    "--quiet",
    "--mode=root",
    "--variant=minbase",
    `--include=${[...packages, ...more].join(",")}`,
    '--aptopt=APT::Install-Recommends "false"',
    ...excluded.map((path) => `--dpkgopt=path-exclude=${path}`),
    suite,
    root,
    sourcesList,
  ]);
  await unpackPackages(join(root, "opt/registry"), { debs, names: ["docker-registry"] });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
}
