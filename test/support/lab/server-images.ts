/**
 * Images that few tests want, apart from the others: servers that people install, Debian's PostgreSQL and Apache, and the
 * smallest service there is, for measuring.
 */
import { chmod, chown, cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cached, labFile } from "./cache.ts";
import { downloadPackages, unpackPackages } from "./debian.ts";
import { addLayer } from "./images.ts";
import { tool } from "./tool.ts";

type ServerName = "postgres" | "apache" | "ready";

interface ServerRecipe {
  packages: string;
  /** Lines of its passwd and group. */
  accounts: { passwd: string; group: string };
  /** Path in the image to a file of images/ and its mode. */
  files: Record<string, { from: string; mode: number }>;
  /** Directories that belong to the service's account (uid, gid), each with a file beside. */
  owned: { path: string; mode: number; uid: number; gid: number; file: string }[];
  config: Record<string, string | readonly string[]>;
}

const recipes: Record<ServerName, ServerRecipe> = {
  postgres: {
    packages:
      "postgresql-15 postgresql-client-15 libpq5 libreadline8 libtinfo6 libxml2 libpam0g libssl3 libgssapi-krb5-2 libldap-2.5-0 " +
      "libicu72 libsystemd0 zlib1g liblz4-1 libzstd1 libkrb5-3 libk5crypto3 libcom-err2 libkrb5support0 libkeyutils1 libsasl2-2 " +
      "libstdc++6 libgcc-s1 libcap2 libgcrypt20 liblzma5 libgpg-error0 libaudit1 libcap-ng0 libuuid1 libgnutls30 libnettle8 libhogweed6 libgmp10 libidn2-0 libunistring2 libtasn1-6 libp11-kit0 " +
      "libffi8 libbsd0 libmd0 libcrypt1 tzdata libc6 busybox-static",
    accounts: { passwd: "postgres:x:101:104::/var/lib/postgresql:/bin/sh", group: "postgres:x:104:" },
    files: { "usr/bin/postgres-start": { from: "postgres.sh", mode: 0o755 } },
    owned: [{ path: "var/lib/postgresql", mode: 0o750, uid: 101, gid: 104, file: "README" }],
    config: {
      entrypoint: "/usr/bin/postgres-start",
      user: "postgres",
      env: "PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin",
      volume: "/var/lib/postgresql",
      stopsignal: "SIGINT",
      label: ["berth.notify=true", "org.opencontainers.image.title=PostgreSQL"],
    },
  },
  apache: {
    packages:
      "apache2-bin libapr1 libaprutil1 libpcre2-8-0 libcrypt1 libexpat1 libuuid1 libgcc-s1 libc6 busybox-static",
    accounts: { passwd: "www-data:x:33:33::/var/www:/bin/sh", group: "www-data:x:33:" },
    files: { "etc/apache2/web.conf": { from: "apache.conf", mode: 0o644 } },
    owned: [],
    config: {
      entrypoint: ["/usr/sbin/apache2"],
      cmd: ["-D", "FOREGROUND", "-f", "/etc/apache2/web.conf"],
      env: "PATH=/usr/bin:/bin",
      stopsignal: "SIGWINCH",
      exposedports: "80/tcp",
      label: "org.opencontainers.image.title=Apache HTTP server",
    },
  },
  ready: {
    packages: "perl-base libcrypt1 libc6 busybox-static",
    accounts: { passwd: "", group: "" },
    files: { "usr/bin/ready": { from: "ready.pl", mode: 0o755 } },
    owned: [],
    config: {
      entrypoint: "/usr/bin/ready",
      env: ["PATH=/usr/bin:/bin", "PERL_BADLANG=0"],
      label: ["berth.notify=true", "org.opencontainers.image.title=Smallest service"],
    },
  },
};

const names = Object.keys(recipes) as ServerName[];

const unneeded = [
  ...[
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/include",
  ],
  ...["lib/systemd", "etc/init.d", "usr/share/postgresql/15/man", "usr/lib/postgresql/15/lib/bitcode"],
];

/** A directory with one OCI layout per image: `DIR/NAME`, tagged `latest`. */
export async function serverImages(): Promise<string> {
  const packages = [...new Set(names.flatMap((name) => recipes[name].packages.split(" ")))];
  const debs = await downloadPackages("servers", packages);
  const { stdout } = await tool("sha256sum", ["postgres.sh", "apache.conf", "ready.pl"], {
    cwd: labFile("images"),
  });
  return cached({
    kind: "servers",
    from: { recipes, debs, files: stdout.split("\n") },
    make: async (dir) => {
      for (const name of names) await makeServer(join(dir, name), { debs, recipe: recipes[name] });
    },
  });
}

async function makeServer(
  layout: string,
  { debs, recipe }: { debs: string; recipe: ServerRecipe },
): Promise<void> {
  const image = `${layout}:latest`;
  await tool("umoci", ["init", "--layout", layout]);
  await tool("umoci", ["new", "--image", image]);
  await addLayer(image, async (tree) => {
    await unpackPackages(tree, { debs, names: recipe.packages.split(" ") });
    for (const path of unneeded) await rm(join(tree, path), { recursive: true, force: true });
    for (const lib of await readdir(join(tree, "usr/lib")))
      await rm(join(tree, "usr/lib", lib, "gconv"), { recursive: true, force: true });
    for (const applet of ["sh", "cat", "ls", "id", "stat"])
      await tool("ln", ["-s", "busybox", join(tree, "bin", applet)]);
  });
  const owners = recipe.owned.map(({ uid }) => `+${uid} owner:${uid}\n`).join("");
  const groups = recipe.owned.map(({ gid }) => `+${gid} owner:${gid}\n`).join("");
  await writeFile(`${layout}.owners`, owners);
  await writeFile(`${layout}.groups`, groups);
  await addLayer(image, (tree) => fill(tree, recipe), {
    tar: ["--mtime=@0", `--owner-map=${layout}.owners`, `--group-map=${layout}.groups`],
  });
  const settings = Object.entries(recipe.config).flatMap(([key, values]) =>
    [values].flat().map((value) => `--config.${key}=${value}`),
  );
  await tool("umoci", ["config", "--image", image, ...settings]);
  await tool("umoci", ["gc", "--layout", layout]);
}

async function fill(tree: string, { accounts, files, owned }: ServerRecipe): Promise<void> {
  for (const dir of ["tmp", "run", "proc", "sys", "dev", "etc"]) await mkdir(join(tree, dir));
  await writeFile(join(tree, "etc/passwd"), `root:x:0:0:root:/root:/bin/sh\n${accounts.passwd}\n`);
  await writeFile(join(tree, "etc/group"), `root:x:0:\n${accounts.group}\n`);
  for (const [path, { from, mode }] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await cp(labFile(join("images", from)), join(tree, path));
    await chmod(join(tree, path), mode);
  }
  for (const { path, mode, uid, gid, file } of owned) {
    await mkdir(join(tree, path), { recursive: true });
    await writeFile(join(tree, path, file), "from the image\n");
    for (const each of [path, join(path, file)]) await chown(join(tree, each), uid, gid);
    await chmod(join(tree, path), mode);
  }
}
