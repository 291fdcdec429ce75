/**
 * Boots throw-away virtual machines in qemu: their own kernel, with control groups that bite, and a disk that can lose power. All in
 * software (TCG), for a host of ours may have no KVM; half a minute a boot.
 */
import type { ChildProcess } from "node:child_process";
import { cp, mkdir, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { projectDir } from "./cache.ts";
import { dockerImage } from "./docker-image.ts";
import { agentAnswers } from "./guest-agent.ts";
import { imageLayouts } from "./images.ts";
import { type BootedMachine, type Hull, Keeper, newMachineDir, requirePrograms } from "./keeper.ts";
import { imagesInside } from "./machine.ts";
import { tool } from "./tool.ts";
import { VirtualMachine } from "./virtual-machine.ts";
import { vmImages } from "./vm-images.ts";
import { vmTree } from "./vm-tree.ts";

const megabytes = 4096;
const blockSize = 4096;

/** What has nothing to do with services and takes seconds of each boot. */
const masked = ["e2scrub_reap.service", "systemd-logind.service", "getty@.service", "serial-getty@.service"];

/** @throws CannotBoot with a plain reason where the host does not allow it. */
export async function bootVirtualMachine(): Promise<BootedMachine> {
  const programs = [
    "qemu-system-x86_64",
    "qemu-img",
    "mkfs.ext4",
    "mmdebstrap",
    "umoci",
    "unshare",
    "setpriv",
  ];
  await requirePrograms(programs);
  const tree = await vmTree();
  const images = [await imageLayouts(), join(await dockerImage(), ".."), await vmImages()];
  const { dir, machineId } = await newMachineDir();
  const booted = new Keeper(qemuHull({ dir, tree }));
  try {
    await makeDisk(dir, { tree, images, machineId });
    await booted.start();
    return booted;
  } catch (error) {
    await booted.stop();
    throw error;
  }
}

/** The disk of a host on which a sysadmin has installed berth, with images in a directory. */
async function makeDisk(
  dir: string,
  { tree, images, machineId }: { tree: string; images: string[]; machineId: string },
): Promise<void> {
  const root = join(dir, "root");
  await tool("cp", ["-a", join(tree, "root"), root]);
  await writeFile(join(root, "etc/machine-id"), `${machineId}\n`);
  for (const unit of masked) await symlink("/dev/null", join(root, "etc/systemd/system", unit));
  await tool(process.execPath, [join(projectDir, "scripts/install-host.mjs"), "--root", root]);
  await mkdir(join(root, imagesInside), { recursive: true });
  for (const layouts of images) await cp(layouts, join(root, imagesInside), { recursive: true });
  const disk = join(dir, "disk");
  await writeFile(disk, "");
  await truncate(disk, megabytes * 1024 * 1024);
  await tool("mkfs.ext4", ["-q", "-d", root, disk]);
  await rm(root, { recursive: true });
}

function qemuHull({ dir, tree }: { dir: string; tree: string }): Hull {
  return {
    machine: new VirtualMachine(dir),
    program: "qemu",
    bootSeconds: 600,
    command: async () => {
      await powerDisk(dir);
      return ["qemu-system-x86_64", ...machineOptions(tree), ...deviceOptions(dir)];
    },
    findInit: async ({ pid }: ChildProcess) => ((await agentAnswers(join(dir, "agent"))) ? pid : undefined),
    // The machine asked for it (-no-reboot), or its power was cut.
    isReboot: (status, signal) => status === 0 || signal === "SIGKILL",
  };
}

function machineOptions(tree: string): string[] {
  // Debian's kernel has AppArmor, and Docker's image no program to load profiles. Emulated, page tables that hide the kernel from its programs cost more than all else.
  const kernel = "console=ttyS0 net.ifnames=0 panic=-1 quiet apparmor=0 mitigations=off";
  return [
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none"],
    ...["-accel", "tcg,thread=multi,tb-size=256", "-smp", "2", "-m", "1536"],
    ...["-kernel", join(tree, "vmlinuz"), "-initrd", join(tree, "initrd"), "-append", kernel],
  ];
}

function deviceOptions(dir: string): string[] {
  const overlay = `file=${join(dir, "overlay")},if=none,id=disk,format=qcow2,cache=writeback`;
  return [
    ...["-drive", overlay, "-device", "virtio-blk-pci,drive=disk"],
    ...["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"],
    ...["-chardev", `socket,id=agent,path=${join(dir, "agent")},server=on,wait=off`],
    ...["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"],
    ...["-chardev", `file,id=said,path=${join(dir, "said")},append=on`],
    ...["-device", "virtserialport,chardev=said,name=berth.said"],
    ...["-serial", "stdio"],
  ];
}

/**
 * Makes what the last boot left on the disk its content, and gives the next one a fresh overlay to write to.
 *
 * What a power cut (SIGKILL of qemu) loses: all that the machine's kernel had not yet sent to the disk; and of what the disk had taken, each
 * block of 4 KiB that was written for the first time in this boot and not followed by a flush: the data is in the overlay's file, but the
 * table that says so is in qemu's memory until the machine asks for a flush. So the disk has a write cache that loses its content, and blocks
 * of one unflushed batch are lost one and all. A block that was flushed once in this boot is overwritten in place: such a write
 * survives even unflushed, and so out of order, as a real disk may do it too.
 */
async function powerDisk(dir: string): Promise<void> {
  const [disk, overlay] = [join(dir, "disk"), join(dir, "overlay")];
  if (await isThere(overlay)) {
    await writeFile(join(dir, "lost"), String(await lostBytes(overlay)));
    await tool("qemu-img", ["commit", "-q", overlay]);
    await rm(overlay);
  }
  await tool("qemu-img", [
    ...["create", "-q", "-f", "qcow2", "-o", `cluster_size=${blockSize}`],
    ...["-b", disk, "-F", "raw", overlay],
  ]);
}

/** Blocks in the file that its tables do not know of. */
async function lostBytes(overlay: string): Promise<number> {
  const { stdout } = await execa("qemu-img", ["check", "--output=json", overlay], { reject: false });
  const { leaks = 0, "image-end-offset": end } = JSON.parse(stdout) as Check;
  return leaks * blockSize + Math.max(0, (await stat(overlay)).size - end);
}

interface Check {
  /** Blocks that are taken, and that no table leads to. */
  leaks?: number;
  /** Where the last block ends that is taken. */
  "image-end-offset": number;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
