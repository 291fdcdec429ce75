/**
 * Images in Atomic's format, of this project's own making: put together by umoci around busybox. Kept as OCI layouts;
 * without a network, since Debian's packages of the other images are enough.
 */
import { chmod, copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cached, labFile } from "./cache.ts";
import { downloadPackages, unpackPackages } from "./debian.ts";
import { addLayer } from "./images.ts";
import { tool } from "./tool.ts";

export type AtomicImageName =
  | "system-hello"
  | "system-next"
  | "system-files"
  | "system-twins"
  | "system-notify"
  | "system-once"
  | "system-old";

interface AtomicRecipe {
  labels?: readonly string[];
  /** Path in the image to the text of a file; a symbolic link is `-> TARGET`, a path that ends in `/` an empty directory. */
  files: Record<string, string>;
}

const FOUR_CAPABILITIES = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETUID"];

/** The text of a config.json; `more` replaces members, and text in `raw` its JSON string, quotes and all. */
function configOf(more: Record<string, unknown> = {}, env: readonly string[] = []): string {
  const config = {
    ociVersion: "1.0.0",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ["/usr/bin/greet.sh"],
      env: ["PATH=/usr/bin:/bin", "NAME=$NAME", "UUID=$UUID", ...env],
      cwd: "/",
      noNewPrivileges: false,
    },
    root: { path: "rootfs", readonly: true },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
      {
        destination: "/var/run",
        type: "bind",
        source: "${RUN_DIRECTORY}/${NAME}",
        options: ["rw", "rbind", "mode=755"],
      },
    ],
    linux: { namespaces: [{ type: "pid" }, { type: "ipc" }, { type: "mount" }] },
    ...more,
  };
  return JSON.stringify(config, undefined, 2);
}

const unit = (more: { unit?: string; service?: string; install?: string } = {}): string => `[Unit]
Description=Greeter $NAME
${more.unit ?? ""}
[Service]
ExecStartPre=$EXEC_STARTPRE
ExecStart=$EXEC_START
ExecStop=$EXEC_STOP
ExecStopPost=$EXEC_STOPPOST
PIDFile=$PIDFILE
WorkingDirectory=$DESTDIR
Restart=on-crash
${more.service ?? ""}
[Install]
WantedBy=multi-user.target
${more.install ?? ""}`;

const tmpfiles = "D    ${RUN_DIRECTORY}/${NAME}   0700 - - - -\n";

/** With every kind of host file. */
const hostFiles: Record<string, string> = {
  "exports/hostfs/usr/local/placeholder-lib/": "",
  "exports/hostfs/broken-symlink": "-> /nowhere/at/all",
  "exports/hostfs/usr/local/lib/secret-message": "Hello unknown $RECEIVER\n",
  "exports/hostfs/usr/local/lib/secret-message-template": "hello $RECEIVER\n",
  "exports/hostfs/usr/local/lib/placeholder-file": "a placeholder\n",
};

const renaming = {
  renameFiles: { "/usr/local/lib/placeholder-file": "/usr/local/lib/renamed-$NAME" },
  installedFilesTemplate: ["/usr/local/lib/secret-message-template"],
  useLinks: false,
};

/** Of each image: the files of its last layer, by path. */
export const recipes: Record<AtomicImageName, AtomicRecipe> = {
  "system-hello": {
    files: {
      "exports/manifest.json": JSON.stringify({
        version: "1.0",
        defaultValues: { PORT: "8081", RECEIVER: "World", ADDTL_MOUNTS: "" },
      }),
      "exports/service.template": unit(),
      "exports/tmpfiles.template": tmpfiles,
      "exports/config.json.template": configOf({}, ["PORT=$PORT", "RECEIVER=$RECEIVER"]).replace(
        /(\n {4}\}\n)( {2}\],\n {2}"linux")/,
        "\n    }$ADDTL_MOUNTS\n$2",
      ),
    },
  },
  "system-next": {
    labels: ["atomic.type=system", "summary=A greeter that needs a value", "Version=2.0", "Release=1"],
    files: {
      "exports/manifest.json": JSON.stringify({ version: "1.0", defaultValues: { PORT: "8081" } }),
      "exports/service.template": unit(),
      "exports/tmpfiles.template": tmpfiles,
      "exports/config.json.template": configOf({}, [
        "PORT=$PORT",
        "VAR_WITH_NO_DEFAULT=$VAR_WITH_NO_DEFAULT",
      ]),
    },
  },
  "system-files": {
    labels: ["atomic.type=system", "atomic.has_install_files=yes"],
    files: {
      "exports/manifest.json": JSON.stringify({
        version: "1.0",
        defaultValues: { RECEIVER: "World" },
        noContainerService: true,
        ...renaming,
      }),
      ...hostFiles,
    },
  },
  "system-twins": {
    labels: ["atomic.type=system"],
    files: {
      "exports/manifest.json": JSON.stringify({
        version: "1.0",
        defaultValues: { PORT: "8081", RECEIVER: "World" },
        renameFiles: {
          "/etc/twins/twins.conf": "$CONF_DIRECTORY/$NAME/twins.conf",
          "/usr/local/bin/twinsctl": "/usr/local/bin/${NAME}ctl",
        },
      }),
      "exports/service.template": unit(),
      "exports/tmpfiles.template": tmpfiles,
      "exports/config.json.template": configOf({}, ["PORT=$PORT", "RECEIVER=$RECEIVER"]),
      "exports/hostfs/etc/twins/twins.conf": "greeting = hello\n",
      "exports/hostfs/usr/local/bin/twinsctl": "#!/bin/sh\necho twins\n",
    },
  },
  "system-notify": {
    labels: ["atomic.type=system"],
    files: {
      "exports/manifest.json": JSON.stringify({
        version: "1.0",
        defaultValues: { PORT: "8081", RECEIVER: "World", AFTER: "network.target" },
      }),
      "exports/service.template": unit({
        unit: "After=network.target $AFTER\nWants=$AFTER\n",
        service: "Type=notify\nNotifyAccess=all\n",
      }),
      "exports/tmpfiles.template": tmpfiles,
      "exports/config.json.template": configOf({}, ["PORT=$PORT", "RECEIVER=$RECEIVER"]),
    },
  },
  "system-once": {
    labels: ["atomic.type=system", "atomic.run=once"],
    files: {
      "exports/manifest.json": JSON.stringify({ version: "1.0", defaultValues: { RECEIVER: "World" } }),
      "exports/config.json.template": configOf({
        root: { path: "rootfs", readonly: false },
        mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
        process: {
          terminal: false,
          user: { uid: 0, gid: 0 },
          args: ["/bin/sh", "-c", "echo HI $$RECEIVER from $$NAME"],
          env: ["PATH=/usr/bin:/bin", "NAME=$NAME", "RECEIVER=$RECEIVER"],
          cwd: "/",
        },
      }),
    },
  },
  "system-old": {
    files: {
      "exports/manifest.json": JSON.stringify({ defaultValues: { PORT: "8081", RECEIVER: "World" } }),
      "exports/service.template": unit(),
      "exports/tmpfiles.template": tmpfiles,
      "exports/config.json.template": configOf(
        {
          ociVersion: "0.3.0",
          platform: { os: "linux", arch: "amd64" },
          linux: {
            namespaces: [{ type: "pid" }, { type: "ipc" }, { type: "mount" }],
            capabilities: FOUR_CAPABILITIES,
            rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
            resources: { devices: [{ allow: false, access: "rwm" }] },
          },
        },
        ["PORT=$PORT", "RECEIVER=$RECEIVER"],
      ),
    },
  },
};

export const atomicImageNames: readonly AtomicImageName[] = Object.keys(recipes) as AtomicImageName[];

const packages = ["busybox-static", "perl-base", "libcrypt1", "libc6"];

/** A directory with one OCI layout an image: `DIR/NAME`, tagged `latest`. */
export async function atomicImages(): Promise<string> {
  const debs = await downloadPackages("atomic-images", packages);
  const { stdout } = await tool("sha256sum", ["greet.sh", "notify.pl"], { cwd: labFile("images") });
  return cached({
    kind: "atomic-images",
    from: { recipes, packages, debs, scripts: stdout.split("\n") },
    make: async (dir) => {
      for (const name of atomicImageNames) await makeImage(join(dir, name), { debs, recipe: recipes[name] });
    },
  });
}

async function makeImage(
  layout: string,
  { debs, recipe }: { debs: string; recipe: AtomicRecipe },
): Promise<void> {
  const image = `${layout}:latest`;
  await tool("umoci", ["init", "--layout", layout]);
  await tool("umoci", ["new", "--image", image]);
  await addLayer(image, async (tree) => {
    await unpackPackages(tree, { debs, names: packages });
    for (const path of ["usr/share/doc", "usr/share/man", "usr/lib/x86_64-linux-gnu/gconv"])
      await rm(join(tree, path), { recursive: true, force: true });
    for (const applet of ["sh", "echo", "sleep", "cat", "ls", "id", "true", "false", "touch", "env"])
      await symlink("busybox", join(tree, "bin", applet)).catch(() => undefined);
    for (const [file, name] of [
      ["greet.sh", "greet.sh"],
      ["notify.pl", "notify"],
    ] as const) {
      await copyFile(labFile(join("images", file)), join(tree, "usr/bin", name));
      await chmod(join(tree, "usr/bin", name), 0o755);
    }
    for (const dir of ["tmp", "run", "proc", "sys", "dev", "var/run"])
      await mkdir(join(tree, dir), { recursive: true });
  });
  await addLayer(image, (tree) => fill(tree, recipe.files));
  const labels = (recipe.labels ?? []).map((label) => `--config.label=${label}`);
  await tool("umoci", [
    "config",
    "--image",
    image,
    "--config.cmd=/usr/bin/greet.sh",
    "--config.env=PATH=/usr/bin:/bin",
    ...labels,
  ]);
  await tool("umoci", ["gc", "--layout", layout]);
}

async function fill(tree: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const at = join(tree, path);
    await mkdir(path.endsWith("/") ? at : dirname(at), { recursive: true });
    if (path.endsWith("/")) continue;
    if (text.startsWith("-> ")) await symlink(text.slice(3), at);
    else await writeFile(at, text, { mode: path.includes("/bin/") ? 0o755 : 0o644 });
  }
}
