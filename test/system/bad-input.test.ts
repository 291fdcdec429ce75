import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { FaultyRegistries } from "../support/lab/faulty-registry.ts";
import { footprint } from "../support/lab/footprint.ts";
import { projectInside, type RunOptions, type RunResult } from "../support/lab/machine.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const small = "/mnt/small";
const addresses = "/run/faulty.json";
const probe = "localhost:5000/probe";
let faulty: FaultyRegistries;
let before: string[];

beforeAll(async () => {
  const node = `${projectInside}/node_modules/.bin/node`;
  const script = `${projectInside}/test/support/lab/faulty-registry.ts`;
  await lab.output(["systemd-run", "--quiet", "--collect", "--unit=faulty", node, script, addresses]);
  faulty = JSON.parse(await untilThere(addresses)) as FaultyRegistries;
  await lab.output(["mkdir", "-p", small]);
  await lab.output(["mount", "-t", "tmpfs", "-o", "size=6m,mode=700", "small", small]);
  await lab.output(["berth", "pull", probe]);
});

afterAll(async () => {
  await lab.run(["systemctl", "stop", "faulty"]);
  await lab.run(["umount", small]);
  await lab.run(["rm", "-rf", small, addresses]);
});

beforeEach(async () => {
  before = await everything();
});

test("unknown image: neither the repository nor the tag", async () => {
  await refused(["install", `${faulty.open}/none`, "--tls-verify=false"], {
    code: "IMAGE_UNKNOWN",
    says: "none",
  });
  await refused(["install", `${faulty.open}/good:none`, "--tls-verify=false"], {
    code: "IMAGE_UNKNOWN",
    says: "good:none",
  });
});

test("unreachable registry: nothing listens, and a name that does not resolve", async () => {
  await refused(["install", "localhost:1/x"], { code: "REGISTRY_UNREACHABLE", says: "localhost:1" });
  await refused(["install", "registry.invalid/x"], {
    code: "REGISTRY_UNREACHABLE",
    says: "registry.invalid",
  });
});

test("wrong credentials: none, and wrong ones that are shown nowhere", async () => {
  const install = ["install", `${faulty.closed}/good`, "--tls-verify=false"];
  await refused(install, { code: "UNAUTHORIZED", says: faulty.closed });
  const auth = Buffer.from("user:hunter2").toString("base64");
  await lab.output(["tee", "/run/wrong.json"], {
    input: JSON.stringify({ auths: { [faulty.closed]: { auth } } }),
  });
  const { stderr } = await refused([...install, "--authfile", "/run/wrong.json"], {
    code: "UNAUTHORIZED",
    says: faulty.closed,
  });
  expect(stderr).not.toContain("hunter2");
  expect(stderr).not.toContain(auth);
  await lab.output(["rm", "/run/wrong.json"]);
});

test("digest mismatch: a blob that is not what its digest says", async () => {
  await refused(["install", `${faulty.open}/altered`, "--tls-verify=false"], {
    code: "DIGEST_MISMATCH",
    says: "sha256:",
  });
});

test("truncated layer: the connection ends before the layer does", async () => {
  const { error } = await refused(["install", `${faulty.open}/cut`, "--tls-verify=false"], {
    says: "sha256:",
  });
  expect(["SIZE_MISMATCH", "REGISTRY_UNREACHABLE"]).toContain(error.code);
});

test("no space: the file system of the store is full", async () => {
  const args = ["install", `${faulty.open}/big`, "--tls-verify=false", "--state", `${small}/berth`];
  await refused(args, { code: "NO_SPACE", says: small, aftermath: ["rm", "-rf", `${small}/berth`] });
});

test("name: taken by a container, by its deployments, or by another unit", async () => {
  await lab.output(["berth", "install", probe, "--name", "taken", "--no-start"]);
  try {
    const now = await everything();
    for (const [name, says] of [
      ["taken", "is installed already"],
      ["taken.0", "the container taken"],
      ["dbus", "dbus.service"],
    ] as const) {
      await refused(["install", probe, "--name", name], { code: "NAME_TAKEN", says });
      expect(await everything()).toEqual(now);
    }
  } finally {
    await lab.output(["berth", "uninstall", "taken"]);
  }
});

test("name: not a legal one for a unit", async () => {
  for (const name of ["a b", "../x", "-x", "x@y", "a\nb", "x.service", "ü"]) {
    await refused(["install", probe, `--name=${name}`], {
      code: "NAME_INVALID",
      says: JSON.stringify(name).slice(1, -1),
    });
  }
});

test("runtime: missing, and a word that is none", async () => {
  await refused(["install", probe, "--runtime", "youki"], { code: "RUNTIME_MISSING", says: "youki" });
  await refused(["install", probe, "--runtime", "no/such"], { code: "RUNTIME_UNSUPPORTED", says: "no/such" });
});

test.each(["systemd", "runc", "crun"])(
  "failing unit: by %s the error shows the result and the last log lines",
  async (runtime) => {
    const args = [
      "install",
      probe,
      "--runtime",
      runtime,
      "--env",
      "PROBE_MODE=crash",
      "--env",
      "PROBE_STATUS=7",
    ];
    const { error } = await refused(args, { code: "JOB_FAILED", says: "probe.service did not start" });
    expect(error.message).toContain("exit status 7");
    expect(error.causes.join("\n")).toContain("probe failed: as PROBE_MODE=crash says");
  },
);

test("failing unit: an image without a program is refused before anything is written", async () => {
  await refused(["install", `${faulty.open}/empty`, "--tls-verify=false"], {
    code: "CONFIG_INVALID",
    says: "neither Entrypoint nor Cmd",
    aftermath: ["berth", "rmi", `${faulty.open}/empty`],
  });
});

test("not root: another user changes nothing and learns why", async () => {
  const { error } = await refused(
    ["install", probe],
    { code: "NOT_ROOT", says: "only root" },
    { user: "nobody" },
  );
  expect(error.hint).toContain("sudo");
});

test("no systemd: neither its bus nor its private socket", async () => {
  const script =
    "mount -t tmpfs none /run/dbus && mount -t tmpfs none /run/systemd && exec berth install localhost:5000/probe --json";
  const result = await lab.run(["unshare", "--mount", "sh", "-c", script]);
  expectFailure(result, { code: "NO_SYSTEMD", says: "systemd" });
  expect(await everything()).toEqual(before);
});

test("policy: one that rejects, and one that does not parse", async () => {
  for (const text of ['{"default":[{"type":"reject"}]}', '{"default":']) {
    const kept = await lab.run(["cat", "/etc/containers/policy.json"]);
    await lab.output(["tee", "/etc/containers/policy.json"], { input: text });
    try {
      await refused(["install", `${faulty.open}/good`, "--tls-verify=false"], {
        code: "POLICY_REJECTED",
        says: "policy",
      });
    } finally {
      if (kept.exitCode === 0)
        await lab.output(["tee", "/etc/containers/policy.json"], { input: kept.stdout });
      else await lab.output(["rm", "/etc/containers/policy.json"]);
    }
  }
});

test.each([
  ["a layer is received", () => ["install", `${faulty.open}/slow`, "--tls-verify=false"]],
  ["the unit starts", () => ["install", probe, "--notify", "--env", "PROBE_MODE=hang"]],
])("interrupt while %s: status 130 and nothing left", async (_, args) => {
  const result = await lab.run([
    "timeout",
    "--signal=INT",
    "--preserve-status",
    "2",
    "berth",
    ...args(),
    "--json",
  ]);
  expectFailure(result, { code: "INTERRUPTED", says: "", status: 130 });
  expect(await everything()).toEqual(before);
});

test("usage: an unknown verb, a missing image, a value without a name", async () => {
  for (const args of [
    ["instal", "x"],
    ["install"],
    ["install", "x", "--set", "=y"],
    ["install", probe, "--volume", "a:b"],
  ]) {
    await refused(args, { code: "USAGE", says: "", status: 2 });
  }
});

interface Expected {
  code?: string;
  says: string;
  status?: number;
  /** What takes away what may rightly stay, such as an image that was pulled whole. */
  aftermath?: string[];
}

interface ErrorDocument {
  code: string;
  message: string;
  hint?: string;
  causes: string[];
}

/** Runs berth, which must fail as expected and leave all as it was. */
async function refused(
  args: string[],
  expected: Expected,
  { user, ...options }: RunOptions & { user?: string } = {},
): Promise<{ stderr: string; error: ErrorDocument }> {
  const as = user === undefined ? [] : ["runuser", "-u", user, "--"];
  const result = await lab.run([...as, "berth", ...args, "--json"], options);
  const error = expectFailure(result, expected);
  if (expected.aftermath !== undefined) await lab.output(expected.aftermath);
  if (!args.includes("taken") && expected.code !== "NAME_TAKEN") expect(await everything()).toEqual(before);
  return { stderr: result.stderr, error };
}

function expectFailure(
  { stdout, stderr, exitCode }: RunResult,
  { code, says, status = 1 }: Expected,
): ErrorDocument {
  const last = stderr.trimEnd().split("\n").at(-1) ?? "";
  const { error } = JSON.parse(last) as { error: ErrorDocument };
  expect({ status: exitCode, code: error.code, stdout }).toEqual({
    status,
    code: code ?? error.code,
    stdout: "",
  });
  expect(error.message).toContain(says);
  return error;
}

async function everything(): Promise<string[]> {
  return [...(await footprint(lab)), await lab.output(["find", small, "-printf", "%p %y %m %s\\n"])];
}

async function untilThere(path: string): Promise<string> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(100)) {
    const { stdout, exitCode } = await lab.run(["cat", path]);
    if (exitCode === 0) return stdout;
  }
  throw new Error(await lab.output(["journalctl", "--unit=faulty", "--output=cat"]));
}
