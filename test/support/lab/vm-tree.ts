/**
 * What a virtual machine boots from: the laboratory's Debian 12 with udev and an agent that runs commands, Debian's own kernel, unpacked
 * and never installed here, and a first program of ours, since Debian's initrd would take most of the boot under emulation.
 */
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { cached, labFile } from "./cache.ts";
import { downloadGroups } from "./debian.ts";
import { tool } from "./tool.ts";
import { makeTree, treeRecipe } from "./tree.ts";

const suite = "bookworm";
const packages = ["udev", "kmod", "qemu-guest-agent", "busybox-static"];
/** Without hardware drivers: a virtual machine has none of the hardware. */
const kernel = "linux-image-cloud-amd64";
/** What it takes to mount the disk; everything else is loaded by udev, as on any host. */
const modules = ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic"];

/** A directory with `root/`, `vmlinuz` and `initrd`. */
export async function vmTree(): Promise<string> {
  const debs = await downloadGroups("kernel", { groups: [[kernel]] });
  const init = await readFile(labFile("vm-init.sh"), "utf8");
  return cached({
    kind: "tree-vm",
    from: { ...treeRecipe(suite), more: packages, debs: basename(debs), modules, init },
    make: async (dir) => {
      await makeTree(dir, { suite, more: packages });
      await unpackKernel(dir, join(debs, "0"));
      await makeInitrd(dir);
    },
  });
}

async function unpackKernel(dir: string, debs: string): Promise<void> {
  const deb = (await readdir(debs)).find((name) => /^linux-image-\d.*-cloud-amd64_/.test(name));
  if (deb === undefined) throw new Error(`${debs} has no kernel`);
  const unpacked = join(dir, "kernel");
  await tool("dpkg-deb", ["-x", join(debs, deb), unpacked]);
  const version = await versionOf(unpacked);
  await copyFile(join(unpacked, "boot", `vmlinuz-${version}`), join(dir, "vmlinuz"));
  await cp(join(unpacked, "lib/modules"), join(dir, "root/usr/lib/modules"), { recursive: true });
  await rm(unpacked, { recursive: true });
  await tool("chroot", [join(dir, "root"), "depmod", version]);
}

async function makeInitrd(dir: string): Promise<void> {
  const root = join(dir, "root");
  const version = await versionOf(join(root, "usr"));
  const show = ["modprobe", "--set-version", version, "--all", "--show-depends", ...modules];
  const { stdout } = await tool("chroot", [root, ...show]);
  const files = [...new Set(stdout.split("\n").flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []))];
  const tree = await mkdtemp(join(tmpdir(), "berth-initrd-"));
  try {
    for (const each of ["bin", "dev", "root", "modules"]) await mkdir(join(tree, each));
    for (const file of files) await copyFile(join(root, file), join(tree, "modules", basename(file)));
    const order = files.map((file) => `${basename(file)}\n`).join("");
    await writeFile(join(tree, "modules/order"), order);
    await copyFile(join(root, "bin/busybox"), join(tree, "bin/busybox"));
    await copyFile(labFile("vm-init.sh"), join(tree, "init"));
    await tool("chmod", ["0755", join(tree, "init"), join(tree, "bin/busybox")]);
    const pack = 'bin/busybox find . | bin/busybox cpio -o -H newc >"$1"';
    await tool("sh", ["-c", pack, "pack", join(dir, "initrd")], { cwd: tree });
  } finally {
    await rm(tree, { recursive: true });
  }
}

async function versionOf(unpacked: string): Promise<string> {
  const [version] = await readdir(join(unpacked, "lib/modules"));
  if (version === undefined) throw new Error(`${unpacked} has no kernel modules`);
  return version;
}
