/** Images in Atomic's format, as `atomic`, in a tree that does not run. Names begin with the statements that they show. */
import { lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import type { Answer, Berth } from "../support/berth.ts";
import { makeImage, type TestFiles, writeLayout } from "../support/images.ts";
import { type AtomicImageName, recipes } from "../support/lab/atomic-images.ts";
import { openOfflineTree } from "../support/offline-tree.ts";

let berth: Berth;
let root: string;

beforeEach(async () => {
  ({ root, berth } = await openOfflineTree({ runc: true }));
});

/** The image of the laboratory with other files laid over; `null` takes one away. */
async function layoutOf(name: AtomicImageName, more: Record<string, string | null> = {}): Promise<string> {
  const files: TestFiles = { "usr/bin/greet.sh": { content: "#!/bin/sh\n", mode: 0o755 } };
  for (const [path, text] of Object.entries({ ...recipes[name].files, ...more })) {
    if (text === null) continue;
    files[path] = text.startsWith("-> ") ? { type: "symlink", linkname: text.slice(3) } : text;
  }
  const dir = berth.path(`${name}-${Math.random()}`);
  await writeLayout(dir, { latest: await makeImage({ files }) });
  return `oci:${dir}:latest`;
}

async function succeed(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await berth.atomic(...argv);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return stdout;
}

const install = (...words: string[]): Promise<Answer> =>
  berth.atomic("install", "--system", "--name=x", ...words);
const deployed = (path: string): Promise<string> => readFile(berth.path(`state/containers/${path}`), "utf8");
const onHost = (path: string): Promise<string> => readFile(join(root, path), "utf8");
const there = (path: string): Promise<boolean> =>
  lstat(join(root, path)).then(
    () => true,
    () => false,
  );

const FILES = ["renamed-x", "secret-message", "secret-message-template"].map(
  (name) => `usr/local/lib/${name}`,
);
const OTHERS = ["usr/local/placeholder-lib", "broken-symlink"];

test.each(["auto", "no"])(
  "71, 72, 73: --system-package=%s puts the host files there, and uninstall takes them away",
  async (mode) => {
    const image = await layoutOf("system-files");
    const said = await succeed(
      "install",
      "--system",
      "--name=x",
      `--system-package=${mode}`,
      "--set=RECEIVER=Venus",
      image,
    );
    for (const path of FILES) expect(said).toContain(`Created file /${path}\n`);
    for (const path of [...FILES, ...OTHERS]) expect([path, await there(path)]).toEqual([path, true]);
    expect((await lstat(join(root, "usr/local/lib/renamed-x"))).nlink).toBe(1);
    expect(await onHost("usr/local/lib/secret-message-template")).toBe("hello Venus\n");
    await succeed("uninstall", "x");
    for (const path of [...FILES, ...OTHERS]) expect([path, await there(path)]).toEqual([path, false]);
  },
);

test("68, 85: only the files that the image lists are templates", async () => {
  await succeed("install", "--system", "--name=x", "--set=RECEIVER=Venus", await layoutOf("system-files"));
  expect(await onHost("usr/local/lib/secret-message")).toBe("Hello unknown $RECEIVER\n");
  expect(await onHost("usr/local/lib/secret-message-template")).not.toContain("$RECEIVER");
});

test("74, 85: a file that the admin edited survives update and uninstall, with words", async () => {
  await succeed("install", "--system", "--name=x", await layoutOf("system-files"));
  const edited = "This message will not be deleted\n";
  await writeFile(join(root, "usr/local/lib/secret-message"), edited);
  await succeed("containers", "update", "x", "--set", "RECEIVER=Venus");
  expect(await onHost("usr/local/lib/secret-message")).toBe(edited);
  const said = await succeed("uninstall", "x");
  expect(said).toContain("Will not delete /usr/local/lib/secret-message as it was manually modified.\n");
  expect(await onHost("usr/local/lib/secret-message")).toBe(edited);
  expect(await there("usr/local/lib/secret-message-template")).toBe(false);
});

test("70: a file that is there and differs stays as it is, in Atomic's words", async () => {
  await mkdir(join(root, "usr/local/lib"), { recursive: true });
  await writeFile(join(root, "usr/local/lib/secret-message"), "another's\n");
  const said = await succeed("install", "--system", "--name=x", await layoutOf("system-files"));
  expect(said).toContain("File /usr/local/lib/secret-message already exists\n");
  await succeed("uninstall", "x");
  expect(await onHost("usr/local/lib/secret-message")).toBe("another's\n");
});

test("one image is installed twice, its files under two names", async () => {
  const image = await layoutOf("system-twins");
  for (const name of ["one", "two"]) await succeed("install", "--system", `--name=${name}`, image);
  for (const name of ["one", "two"]) expect(await onHost(`etc/${name}/twins.conf`)).toContain("greeting");
  await succeed("-y", "containers", "delete", "one");
  expect([await there("usr/local/bin/onectl"), await there("usr/local/bin/twoctl")]).toEqual([false, true]);
});

test("76, 77: config.json comes before its template, which comes before one that is made", async () => {
  const verbatim = recipes["system-hello"].files["exports/config.json.template"]
    ?.replaceAll(/\$\{?ADDTL_MOUNTS\}?/g, "")
    .replaceAll("${RUN_DIRECTORY}/${NAME}", "/run");
  await succeed(
    "install",
    "--system",
    "--name=plain",
    await layoutOf("system-hello", { "exports/config.json": verbatim ?? "" }),
  );
  expect(await deployed("plain.0/config.json")).toContain("PORT=$PORT");
  await succeed("install", "--system", "--name=template", await layoutOf("system-hello"));
  expect(await deployed("template.0/config.json")).toContain("PORT=8081");
  const image = await makeImage({
    files: { app: { mode: 0o755 }, "exports/manifest.json": "{}" },
    config: { Entrypoint: ["/app"] },
  });
  await writeLayout(berth.path("made"), { latest: image });
  await succeed("install", "--system", "--name=made", `oci:${berth.path("made")}:latest`);
  for (const name of ["plain", "template", "made"]) {
    expect(JSON.parse(await deployed(`${name}.0/config.json`))).toMatchObject({
      root: { path: "rootfs", readonly: true },
    });
    expect((await lstat(berth.path(`state/containers/${name}.0/rootfs`))).isDirectory()).toBe(true);
  }
});

test("78: a manifest without keys, and an image without a manifest, have the defaults", async () => {
  for (const [name, manifest] of [
    ["empty", "{}"],
    ["none", null],
  ] as const) {
    const image = await layoutOf("system-hello", { "exports/manifest.json": manifest });
    await succeed(
      "install",
      "--system",
      `--name=${name}`,
      "--set=PORT=1",
      "--set=RECEIVER=x",
      "--set=ADDTL_MOUNTS=",
      image,
    );
    expect(JSON.parse(await deployed(`${name}.0/info`))).toMatchObject({
      "has-container-service": true,
      "installed-files": [],
    });
  }
});

test("79: names in renameFiles are templates, and an unknown variable is an error that leaves nothing", async () => {
  const manifest = JSON.stringify({
    noContainerService: true,
    renameFiles: { "/usr/local/lib/placeholder-file": "/usr/$NOWHERE" },
  });
  const { status, stderr } = await install(
    await layoutOf("system-files", { "exports/manifest.json": manifest }),
  );
  expect([status, stderr]).toEqual([1, expect.stringContaining("unreplaced value for: ''NOWHERE''")]);
  expect(await there("usr/local/lib")).toBe(false);
});

test("81: the host files are on record with their checksums", async () => {
  await succeed("install", "--system", "--name=x", await layoutOf("system-files"));
  const info = JSON.parse(await deployed("x.0/info")) as Record<string, Record<string, string>>;
  for (const path of FILES) expect(info["installed-files-checksum"]?.[`/${path}`]).toMatch(/^[0-9a-f]{64}$/);
  expect(info["has-container-service"]).toBe(false);
});

test("3, 4, 10, 11: values, defaults, and one that is missing", async () => {
  const next = await layoutOf("system-next");
  const { status, stderr } = await install(next);
  expect([status, stderr]).toEqual([
    1,
    expect.stringContaining("unreplaced value for: ''VAR_WITH_NO_DEFAULT''"),
  ]);
  await succeed("install", "--system", "--name=x", "--set=VAR_WITH_NO_DEFAULT=given", next);
  const config = await deployed("x.0/config.json");
  expect([config.includes("given"), config.includes("PORT=8081")]).toEqual([true, true]);
});

test("89: the list of capabilities has every one that PID 1 may give", async () => {
  const manifest = JSON.stringify({ defaultValues: { PORT: "1", RECEIVER: "x", ADDTL_MOUNTS: "" } });
  const template = recipes["system-hello"].files["exports/config.json.template"] ?? "";
  const all = template.replace(
    '"cwd"',
    '"capabilities": { "bounding": [${ALL_PROCESS_CAPABILITIES}] }, "cwd"',
  );
  await succeed(
    "install",
    "--system",
    "--name=x",
    await layoutOf("system-hello", {
      "exports/manifest.json": manifest,
      "exports/config.json.template": all,
    }),
  );
  const { process } = JSON.parse(await deployed("x.0/config.json")) as {
    process: { capabilities: { bounding: string[] } };
  };
  for (const name of ["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_MKNOD"])
    expect(process.capabilities.bounding).toContain(name);
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(await readFile("/proc/1/status", "utf8"))?.[1] ?? "";
  const count = [...BigInt(`0x${mask}`).toString(2)].filter((bit) => bit === "1").length;
  expect(process.capabilities.bounding.length).toBeGreaterThanOrEqual(count);
});

test("a value may bring more mounts", async () => {
  const mount = { type: "bind", source: "/srv", destination: "/data", options: ["rbind", "ro"] };
  const set = `--set=ADDTL_MOUNTS=,${JSON.stringify(mount)}`;
  await succeed("install", "--system", "--name=x", set, await layoutOf("system-hello"));
  const { mounts } = JSON.parse(await deployed("x.0/config.json")) as { mounts: { destination: string }[] };
  expect(mounts.map(({ destination }) => destination)).toContain("/data");
});
