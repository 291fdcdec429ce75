import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectDir } from "../test/support/lab/cache.ts";
import { imageLayouts } from "../test/support/lab/images.ts";
import { tool } from "../test/support/lab/tool.ts";
import { Terminal } from "./terminal.ts";

/** The same line without a systemd: an image that lies in an OCI layout, and the tree of a machine that is not running. */
export async function demonstrateOffline(): Promise<void> {
  const images = await imageLayouts();
  const dir = await mkdtemp(join(tmpdir(), "berth-demo-"));
  try {
    const tree = join(dir, "tree");
    await mkdir(join(tree, "etc"), { recursive: true });
    await mkdir(join(dir, "bin"));
    await symlink(join(projectDir, "bin/berth.js"), join(dir, "bin/berth"));
    await symlink(images, join(dir, "images"));
    const env = {
      PATH: `${join(dir, "bin")}:${join(projectDir, "node_modules/.bin")}:${process.env["PATH"]}`,
    };
    const terminal = new Terminal(async (line) => {
      const { stdout, stderr, exitCode } = await tool("sh", ["-c", line], { cwd: dir, env, reject: false });
      return { stdout, stderr, exitCode: exitCode ?? 128 };
    });
    await demonstrateTree(terminal);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function demonstrateTree(terminal: Terminal): Promise<void> {
  terminal.say(
    "So berth installs into the tree of a machine that is not running, from an OCI layout on disk instead of a registry.",
  );
  await terminal.type(`berth --root tree install oci:images/etcd:latest --name etcd`);
  await terminal.type(`berth --root tree install oci:images/web:latest --name web --after etcd`);
  await terminal.type("berth --root tree list", /etcd[\s\S]*web/);
  await terminal.type("cat tree/etc/systemd/system/etcd.service", /ExecStart=/);
  await terminal.type(
    "ls tree/etc/systemd/system/multi-user.target.wants",
    /etcd\.service[\s\S]*web\.service/,
  );
  terminal.say("The checkout is a whole root file system: its etcd runs.");
  await terminal.type(
    "chroot tree/var/lib/berth/containers/etcd/rootfs /usr/bin/etcd --version",
    /etcd Version/,
  );
  await terminal.type("berth --root tree uninstall etcd web --purge");
  await terminal.type("find tree/etc/systemd tree/etc/tmpfiles.d -type f");
  terminal.say(
    "Left out, for they need a machine that can boot: the registry, starting and stopping, readiness and order, logs, reboot.",
  );
}
