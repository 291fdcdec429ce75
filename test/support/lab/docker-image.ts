/** Debian's Docker as an image: dockerd, containerd and runc in a container of berth's. Apart from the others, since it is large. */
import { chmod, copyFile, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cached, labFile } from "./cache.ts";
import { downloadGroups } from "./debian.ts";
import { addLayer } from "./images.ts";
import { tool } from "./tool.ts";

const groups = [["docker.io", "iptables", "busybox-static"]];
const unneeded = [
  "usr/share",
  "etc/init.d",
  "lib/systemd",
  "usr/lib/systemd",
  "usr/sbin/ip6tables-apply",
  "var/lib",
];

const config = [
  "--config.entrypoint=/usr/bin/docker-start",
  "--config.env=PATH=/usr/sbin:/usr/bin:/sbin:/bin",
  "--config.volume=/var/lib/docker",
  "--config.volume=/etc/docker",
  "--config.label=berth.notify=true",
  "--config.label=org.opencontainers.image.title=Docker",
];

/** An OCI layout, tagged `latest`. */
export async function dockerImage(): Promise<string> {
  const debs = await downloadGroups("docker", { groups });
  const { stdout } = await tool("sha256sum", ["docker.sh"], { cwd: labFile("images") });
  const dir = await cached({
    kind: "docker",
    from: { debs, unneeded, config, script: stdout },
    make: (into) => makeImage(join(into, "docker"), join(debs, "0")),
  });
  return join(dir, "docker");
}

async function makeImage(layout: string, debs: string): Promise<void> {
  const image = `${layout}:latest`;
  await tool("umoci", ["init", "--layout", layout]);
  await tool("umoci", ["new", "--image", image]);
  await addLayer(image, async (tree) => {
    for (const deb of await readdir(debs)) await tool("dpkg-deb", ["-x", join(debs, deb), tree]);
    for (const path of unneeded) await rm(join(tree, path), { recursive: true, force: true });
    // What the packages' scripts would have done.
    for (const name of ["iptables", "ip6tables", "iptables-save", "iptables-restore"]) {
      await rm(join(tree, "usr/sbin", name), { force: true });
      await symlink("xtables-nft-multi", join(tree, "usr/sbin", name));
    }
    for (const name of ["sh", "cat", "ls", "kmod", "modprobe", "ps"]) {
      await rm(join(tree, "bin", name), { force: true });
      await symlink("busybox", join(tree, "bin", name));
    }
  });
  await addLayer(image, async (tree) => {
    for (const dir of ["tmp", "run", "proc", "sys", "dev", "etc", "usr/bin", "var/lib/docker"])
      await mkdir(join(tree, dir), { recursive: true });
    await writeFile(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    await writeFile(join(tree, "etc/group"), "root:x:0:\ndocker:x:999:\n");
    await copyFile(labFile("images/docker.sh"), join(tree, "usr/bin/docker-start"));
    await chmod(join(tree, "usr/bin/docker-start"), 0o755);
  });
  await tool("umoci", ["config", "--image", image, ...config]);
  await tool("umoci", ["gc", "--layout", layout]);
}
