/** Atomic's command line against a registry and a store: what needs no systemd. Names begin with the statement that they show. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Berth } from "../support/berth.ts";
import { makeImage, type TestImage } from "../support/images.ts";
import { insecureRoot, startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;
let root: string;
let berth: Berth;
let app: TestImage;
let name: string;

beforeEach(async () => {
  registry = await startRegistry();
  root = await insecureRoot(registry.host);
  berth = await Berth.open({ root });
  app = await makeImage({
    files: { app: { mode: 0o755 } },
    config: { Entrypoint: ["/app"], Labels: { Version: "3.5", Release: "2", "atomic.type": "system" } },
  });
  name = registry.push("team/app", app, "latest");
});

afterEach(async () => {
  await berth.close();
  await registry.close();
  await rm(root, { recursive: true });
});

const INSTALL = ["install", "--system", "--runtime", "systemd"];

test("9: install says where it goes, starts nothing, and again is no error", async () => {
  const first = await berth.atomic(...INSTALL, "--name=app", name);
  expect(first).toMatchObject({
    status: 0,
    stdout: `Extracting to ${berth.path("state")}/containers/app.0\n`,
  });
  expect(await berth.atomic(...INSTALL, "--name=app", name)).toEqual({
    status: 0,
    stdout: "app already present\n",
    stderr: "",
  });
});

test("a container's name is the image's, with the tag unless that is latest", async () => {
  const tagged = registry.push("team/app", app, "v2");
  await berth.atomic(...INSTALL, name);
  await berth.atomic(...INSTALL, `oci:${tagged}`);
  const { stdout } = await berth.atomic("containers", "list", "-aq", "--no-trunc");
  expect(stdout).toBe("app\napp-v2\n");
});

test("install --display shows what would be, and changes nothing", async () => {
  const { status, stdout } = await berth.atomic(...INSTALL, "--display", "--name=app", name);
  expect([status, stdout.split("\n")[0]]).toEqual([
    0,
    `Extracting to ${berth.path("state")}/containers/app.0`,
  ]);
  expect(stdout).toContain("Nothing is changed.");
  expect((await berth.atomic("containers", "list", "--all")).stdout).toBe("");
});

test("24: containers list: the columns, cut and whole, and Atomic's keys", async () => {
  await berth.atomic(...INSTALL, "--name=a-rather-long-name", name);
  const rows = async (...options: string[]): Promise<string[]> =>
    (await berth.atomic("containers", "list", ...options)).stdout.trimEnd().split("\n");
  const [heading, row] = await rows("--all");
  expect(heading?.trim().split(/ {2,}/)).toEqual([
    "CONTAINER ID",
    "IMAGE",
    "NAME",
    "COMMAND",
    "CREATED",
    "STATE",
    "BACKEND",
    "RUNTIME",
  ]);
  expect(row?.trim().split(/ {2,}/)).toEqual([
    "a-rather-lon",
    name.slice(0, 20),
    "a-rather-l",
    "/app",
    expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d$/),
    "unknown",
    "ostree",
    "systemd",
  ]);
  expect((await rows("--all", "--no-trunc"))[1]).toContain(`a-rather-long-name  ${name}`);
  expect(await rows("--all", "--noheading")).toHaveLength(1);
  expect(JSON.parse((await berth.atomic("containers", "list", "--json")).stdout)).toEqual([
    {
      id: "a-rather-long-name",
      image_id: app.digest.slice("sha256:".length),
      image_name: name,
      name: "a-rather-long-name",
      command: "/app",
      created: expect.any(String),
      state: "unknown",
      backend: "ostree",
      runtime: "systemd",
      vulnerable: false,
      running: true,
    },
  ]);
});

test("25: filters of containers list find text in a column, in any case, and all must hold", async () => {
  await berth.atomic(...INSTALL, "--name=app", name);
  const found = async (...filters: string[]): Promise<string> =>
    (await berth.atomic("containers", "list", "-aq", ...filters.flatMap((each) => ["--filter", each])))
      .stdout;
  expect(await found("image=TEAM/app")).toBe("app\n");
  expect(await found("backend=ostree", "container=app")).toBe("app\n");
  expect(await found("backend=ostree", "container=other")).toBe("");
});

test("26, 27: containers list --quiet has names alone, whatever else is asked", async () => {
  await berth.atomic(...INSTALL, "--name=app", name);
  expect((await berth.atomic("containers", "list", "--quiet", "--json")).stdout).toBe("app\n");
  const none = await berth.atomic(
    "containers",
    "list",
    "-aq",
    "--no-trunc",
    "--filter",
    "container=non-existing",
  );
  expect(none).toEqual({ status: 0, stdout: "", stderr: "" });
});

test("48: what is there is not fetched again, nor for another name", async () => {
  await berth.atomic("pull", "--storage", "ostree", name);
  const other = registry.push("copies/app", app, "latest");
  const before = registry.requests.filter(({ kind }) => kind === "blob").length;
  for (const each of [name, `https:${other}`]) {
    expect((await berth.atomic("pull", "--storage", "ostree", each)).stdout).toContain(
      "everything was here already",
    );
  }
  const blobs = registry.requests.filter(({ kind }) => kind === "blob").length - before;
  expect(blobs).toBeLessThanOrEqual(2); // configs: no layer
  expect((await berth.atomic("images", "list", "-n")).stdout.match(/\/app /g)).toHaveLength(2);
});

test("47, 49: images list shows a pulled image, and with > one that a container has", async () => {
  await berth.atomic("pull", "--storage", "ostree", name);
  const repository = name.replace(/:latest$/, "");
  const list = async (): Promise<string> => (await berth.atomic("images", "list")).stdout;
  expect(await list()).toMatch(/^ {2}REPOSITORY +TAG +IMAGE ID +CREATED +VIRTUAL SIZE +TYPE\n/);
  expect(await list()).toContain(`  ${repository}  latest  ${app.digest.slice(7, 19)}  `);
  expect(await list()).not.toContain(`>  ${repository}`);
  await berth.atomic(...INSTALL, name);
  expect(await list()).toContain(`>  ${repository}`);
});

test("berth's own containers delete and images delete ask about --all too", async () => {
  await berth.atomic(...INSTALL, "--name=app", name);
  const globals = ["--state", berth.path("state"), "--root", root];
  for (const what of ["containers", "images"]) {
    const main = `require("${process.cwd()}/src/cli.ts").main()`;
    const argv = ["-e", main, "--", "berth", ...globals, what, "delete", "--all"];
    const { exitCode, stderr } = await execa("node", argv, { input: "", reject: false });
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).toContain("User aborted delete operation for");
  }
  expect((await berth.json<{ containers: unknown[] }>("list")).containers).toHaveLength(1);
});

test("50, 91: containers delete asks, and takes names or --all", async () => {
  await berth.atomic(...INSTALL, "--name=app", name);
  expect(await berth.atomic("containers", "delete")).toMatchObject({ status: 2 });
  expect(await berth.atomic("containers", "delete", "--all", "app")).toMatchObject({ status: 2 });
  expect((await berth.atomic("-y", "containers", "delete", "other")).stderr).toContain(
    "System container 'other' is not installed\n",
  );
  expect(await berth.atomic("-y", "containers", "delete", "app")).toMatchObject({ status: 0 });
  expect((await berth.atomic("containers", "list", "-a", "--json")).stdout).toBe("[]\n");
});

test("51, 93: images list: quiet, filters, no heading, Atomic's keys", async () => {
  await berth.atomic("pull", name);
  const list = (...options: string[]) => berth.atomic("images", "list", ...options);
  expect((await list("-q")).stdout).toBe(`${app.digest.slice(7, 19)}\n`);
  expect((await list("-f", "type=ostree", "-f", "repo=team/app", "-n")).stdout).toMatch(/^ .*team\/app/);
  expect((await list("-f", "repo=non-existing-repo")).stdout).toBe("");
  expect(await list("-f", "not-a-filter=x")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("The filter not-a-filter is not valid.  Please choose from ['repo', "),
  });
  expect((await list("--noheading")).stdout).not.toContain("REPOSITORY");
  expect(JSON.parse((await list("--json")).stdout)).toEqual([
    {
      repo: name.replace(/:latest$/, ""),
      tag: "latest",
      is_dangling: false,
      used: false,
      vulnerable: false,
      id: app.digest.slice(7),
      type: "ostree",
      created: expect.any(String),
      virtual_size: expect.stringMatching(/ k?B$/),
      backend: "ostree",
      vuln_info: {},
    },
  ]);
  expect((await berth.atomic("containers", "list", "--json", "-f", "container=idonotexist")).stdout).toBe(
    "[]\n",
  );
  expect(await berth.atomic("images", "tag", "--storage", "ostree", "not-there", "x")).toMatchObject({
    status: 1,
  });
});

test("52: images list --all has the layers too, which have no name", async () => {
  await berth.atomic("pull", name);
  const lines = async (...options: string[]): Promise<string[]> =>
    (await berth.atomic("images", "list", "-f", "type=ostree", ...options)).stdout.trimEnd().split("\n");
  const [few, all] = [await lines(), await lines("--all")];
  expect(all.length).toBeGreaterThan(few.length);
  expect(few.join()).not.toContain("<none>");
  expect(all.at(-1)).toMatch(/^ {2}<none> +<none> /);
});

test("53, 54: images delete takes a name or the start of an id; then nothing is left of it", async () => {
  await berth.atomic("pull", name);
  await berth.atomic("images", "tag", name, "copies/app:1");
  const layers = async (): Promise<number> =>
    ((await berth.atomic("images", "list", "--all")).stdout.match(/<none> +<none>/g) ?? []).length;
  expect(
    await berth.atomic("--assumeyes", "images", "delete", "-f", "--storage", "ostree", name),
  ).toMatchObject({
    status: 0,
  });
  await berth.atomic("images", "prune");
  expect(await layers()).toBeGreaterThan(0);
  expect(await berth.atomic("-y", "images", "delete", app.digest.slice(7, 15))).toMatchObject({ status: 0 });
  await berth.atomic("images", "prune");
  expect((await berth.atomic("images", "list", "--all")).stdout).toBe("");
});

test("56: images tag gives an image one more name", async () => {
  await berth.atomic("pull", name);
  await berth.atomic("images", "tag", "--storage", "ostree", name, "copy:latest");
  const rows = JSON.parse((await berth.atomic("images", "list", "--json")).stdout) as {
    repo: string;
    id: string;
  }[];
  expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
  expect(rows.map(({ repo }) => repo)).toContain("copy");
});

test("58: images version and images verify, which asks the registry for the same tag", async () => {
  await berth.atomic("pull", name);
  const version = await berth.atomic("images", "version", "--storage", "ostree", name);
  expect(version.stdout).toMatch(/^IMAGE NAME +VERSION +IMAGE ID\n.*team\/app:latest +3\.5-2 /);
  const same = await berth.atomic("images", "verify", "--storage", "ostree", name);
  expect([same.status, same.stdout.trimEnd().split("\n")[1]]).toEqual([
    0,
    expect.stringMatching(/team\/app:latest +3\.5-2 +3\.5-2 +False$/),
  ]);
  registry.push("team/app", await makeImage({ config: { Labels: { Version: "3.6" } } }), "latest");
  expect((await berth.atomic("images", "verify", name)).stdout).toMatch(/ 3\.5-2 +3\.6 +True\n$/);
});

test("38: images update --all pulls what has a full name, and says what it skips", async () => {
  await berth.atomic("pull", name);
  await berth.atomic("images", "tag", name, "short:latest");
  const next = await makeImage({ config: { Labels: { Version: "3.6" } } });
  registry.push("team/app", next, "latest");
  const { status, stdout, stderr } = await berth.atomic("images", "update", "--storage=ostree", "--all");
  expect(status).toBe(0);
  expect(stderr).toContain("Image short:latest not fully qualified: skipping\n");
  expect(stdout).toMatch(/^SUMMARY\nImage +Image ID before update +Image ID after update +Status\n/);
  expect(stdout).toContain(
    `${app.digest.slice(7, 19)}            ${next.digest.slice(7, 19)}           Updated now\n`,
  );
  expect((await berth.atomic("images", "update", "--force", name)).stderr).toContain(
    "--force is not supported by ostree images",
  );
});

test("59: an archive's image has the name that it has inside, whatever the file is called", async () => {
  await berth.json("copy", name, `docker-archive:${berth.path("any.tar")}:atomic-test-system:latest`);
  expect(await berth.atomic("pull", `dockertar:${berth.path("any.tar")}`)).toMatchObject({ status: 0 });
  const rows = JSON.parse((await berth.atomic("images", "list", "--json")).stdout) as {
    repo: string;
    tag: string;
  }[];
  expect(rows.map(({ repo, tag }) => `${repo}:${tag}`)).toEqual([
    expect.stringMatching(/(^|\/)atomic-test-system:latest$/),
  ]);
  await berth.atomic("-y", "images", "delete", "atomic-test-system:latest");
  await berth.atomic("images", "prune");
  expect((await berth.atomic("images", "list", "--all")).stdout).toBe("");
});

test("12: install takes an archive, and the container has the name of the image inside", async () => {
  await berth.json("copy", name, `docker-archive:${berth.path("any.tar")}:greeter:v1`);
  await berth.atomic(...INSTALL, `dockertar:${berth.path("any.tar")}`);
  expect((await berth.atomic("containers", "list", "-aq")).stdout).toBe("greeter-v1\n");
});

test("30, 39: containers update with nothing new says so, and asks no registry", async () => {
  await berth.atomic(...INSTALL, "--name=app", name);
  registry.push("team/app", await makeImage({ config: { Labels: { Version: "3.6" } } }), "latest");
  for (const options of [[], ["--rebase", name]]) {
    expect(await berth.atomic("containers", "update", "app", ...options)).toEqual({
      status: 0,
      stdout: "Latest version already installed.\n",
      stderr: "",
    });
  }
});

test("containers update: the mistakes, in Atomic's words", async () => {
  const said = async (...words: string[]): Promise<string> =>
    (await berth.atomic("containers", "update", ...words)).stderr;
  expect(await said()).toContain("Too few arguments.  Please specify the container\n");
  expect(await said("--all", "x")).toContain("--all doesn't support a container name\n");
  expect(await said("--all", "--set", "A=1")).toContain("--all doesn't support --set or --rebase\n");
  expect(await said("x")).toContain("System container 'x' is not installed\n");
});

test("mistakes end with 2 and say where the help is", async () => {
  expect(await berth.atomic("install", "--nmae", "x", name)).toEqual({
    status: 2,
    stdout: "",
    stderr:
      "atomic: unknown option '--nmae'\nhint: did you mean --name? (see `atomic install --help`)\nTry 'atomic --help' for more information.\n",
  });
  expect((await berth.atomic("instal")).stderr).toContain("Try 'atomic --help' for more information.\n");
});

test("pull --src-creds is refused, since others can read a command line", async () => {
  const { status, stderr } = await berth.atomic("pull", "--src-creds", "me:secret", name);
  expect([status, stderr]).toEqual([2, expect.stringContaining("berth login")]);
  expect(stderr).not.toContain("secret");
});

test("60: a name that a container engine has too asks for --storage; an engine that is silent has none", async () => {
  await berth.atomic("pull", name);
  const answers = ["have", "have not", "nothing"];
  const engine = createServer((request, answer) => {
    asked.push(request.url ?? "");
    const [said] = answers;
    if (said === "nothing") return;
    answer.writeHead(said === "have" ? 200 : 404, { "content-type": "application/json" }).end("{}");
  });
  const asked: string[] = [];
  await new Promise<void>((resolve) => engine.listen(berth.path("engine.sock"), resolve));
  vi.stubEnv("DOCKER_HOST", `unix://${berth.path("engine.sock")}`);
  try {
    const nowhere = berth.path("nowhere");
    const both = await berth.atomic("mount", name, nowhere);
    expect(both).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(
        `Found more than one Image with name ${name}; please specify with --storage.\n`,
      ),
    });
    expect(asked).toEqual([`/v1.24/images/${encodeURIComponent(name)}/json`]);
    expect((await berth.atomic("mount", name, "--storage", "ostree", nowhere)).stderr).toContain("nowhere");
    for (const _ of ["have not", "nothing"]) {
      answers.shift();
      expect((await berth.atomic("mount", name, nowhere)).stderr).toContain("nowhere");
    }
    expect(asked).toHaveLength(3);
  } finally {
    vi.unstubAllEnvs();
    engine.closeAllConnections();
    await new Promise((resolve) => engine.close(resolve));
  }
});

test("84: http: is a registry without TLS, for pull, install and an update to another image", async () => {
  const strict = await insecureRoot();
  const other = await Berth.open({ root: strict });
  try {
    expect(await other.atomic("pull", `https:${name}`)).toMatchObject({ status: 1 });
    expect(await other.atomic(...INSTALL, "--name=app", `http:${name}`)).toMatchObject({ status: 0 });
    const image = await makeImage({ files: { next: { mode: 0o755 } }, config: { Entrypoint: ["/next"] } });
    const next = registry.push("team/next", image, "1");
    expect(await other.atomic("containers", "update", "app", "--rebase", `http:${next}`)).toEqual({
      status: 0,
      stdout: `Extracting to ${other.path("state")}/containers/app.1\n`,
      stderr: "",
    });
  } finally {
    await other.close();
    await rm(strict, { recursive: true });
  }
});

test("the two words are the same verbs for berth, with its own documents", async () => {
  await berth.json("install", name, "--name", "app", "--runtime", "systemd");
  expect(await berth.json("containers", "list", "-a", "-f", "container=app")).toEqual(
    await berth.json("list"),
  );
  expect(await berth.json("containers", "list", "-f", "container=other")).toEqual({
    schema: 1,
    containers: [],
  });
  expect(await berth.json("images", "list", "-f", "repo=team")).toEqual(await berth.json("images"));
  expect(await berth.json("images", "list", "-f", "reference=none")).toEqual({ schema: 1, images: [] });
  expect(await berth.json("images", "info", name)).toEqual(await berth.json("inspect", name));
  expect((await berth.run("install", "--system", name, "--name", "app")).stderr).toContain("app");
  expect((await berth.run("containers", "delete", "app")).stdout).toContain("app is uninstalled\n");
});

test("91: without a terminal a question is answered on standard input", async () => {
  await berth.atomic(...INSTALL, "--name=app", name);
  const dir = await mkdtemp(join(tmpdir(), "berth-atomic-"));
  try {
    const main = join(import.meta.dirname, "../support/berth-main.ts");
    await execa("ln", ["-s", main, join(dir, "atomic")]);
    const words = ["--root", root, "--state", berth.path("state"), "containers", "delete", "app"];
    const ask = (input: string) =>
      execa(process.execPath, [join(dir, "atomic"), ...words], { input, reject: false, detached: true });
    expect(await ask("n\n")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("User aborted delete operation for app\n"),
    });
    expect(await ask("y\n")).toMatchObject({ exitCode: 0, stdout: "app is uninstalled" });
  } finally {
    await rm(dir, { recursive: true });
  }
});
