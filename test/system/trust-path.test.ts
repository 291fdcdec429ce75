/** The five minutes of docs/trust.md, command by command: gpg's where images are released, berth's on the host, and what each says. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { projectDir } from "../support/lab/cache.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
/** As Debian's package has it. */
const PACKAGED = {
  default: [{ type: "insecureAcceptAnything" }],
  transports: { "docker-daemon": { "": [{ type: "insecureAcceptAnything" }] } },
};
let home: string;
let policy: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-path-"));
  policy = await lab.output(["cat", "/etc/containers/policy.json"]);
  await lab.output(["tee", "/etc/containers/policy.json"], { input: JSON.stringify(PACKAGED) });
});

afterEach(async () => {
  await execa("gpgconf", ["--homedir", home, "--kill", "all"], { reject: false });
  await rm(home, { recursive: true });
  await lab.run(["berth", "uninstall", "etcd", "--purge"]);
  await lab.run(["tee", "/etc/containers/policy.json"], { input: policy });
  await lab.run(["berth", "rmi", "localhost:5000/etcd"]);
  const made = ["/etc/containers/registries.d/localhost:5000.yaml", "/srv/signatures"];
  await lab.run(["rm", "-rf", ...made, "/root/ops.asc", "/root/ops.key"]);
});

test("docs/trust.md: the path from a key to an enforced policy is as it is shown", async () => {
  const steps = stepsOf(section(await readFile(join(projectDir, "docs/trust.md"), "utf8")));
  expect(steps.length).toBeGreaterThan(7);
  for (const { isRoot, command, shown } of steps) {
    const said = isRoot ? await onHost(command) : await whereReleased(command);
    if (isRoot) expect({ command, said: blurred(said) }).toEqual({ command, said: blurred(shown) });
  }
});

async function whereReleased(command: string): Promise<string> {
  const batch = command.replace(/^gpg /, "gpg --batch --quiet --pinentry-mode loopback --passphrase '' ");
  await execa("sh", ["-c", batch], { cwd: home, env: { GNUPGHOME: home } });
  const file = / > (\S+)$/.exec(command)?.[1];
  if (file === undefined) return "";
  await lab.output(["tee", `/root/${file}`], { input: await readFile(join(home, file), "utf8") });
  return "";
}

async function onHost(command: string): Promise<string> {
  const { stdout, stderr } = await lab.run(["sh", "-c", command]);
  return `${stdout}\n${stderr}`;
}

interface Step {
  isRoot: boolean;
  command: string;
  shown: string;
}

function section(text: string): string {
  return /^## Five minutes[\s\S]*?(?=^## )/m.exec(text)?.[0] ?? "";
}

function stepsOf(text: string): Step[] {
  const steps: Step[] = [];
  for (const [, block = ""] of text.matchAll(/^```console\n([\s\S]*?)^```/gm))
    for (const line of block.trimEnd().split("\n")) {
      const [, prompt, command] = /^([$#]) (.*)$/.exec(line) ?? [];
      const last = steps.at(-1);
      if (command !== undefined) steps.push({ isRoot: prompt === "#", command, shown: "" });
      else if (last !== undefined) last.shown += `${line}\n`;
    }
  return steps;
}

/** Lines without what differs from run to run: digests, keys, times, counts, the width of columns. */
function blurred(text: string): string[] {
  return text
    .split("\n")
    .map((line) =>
      line
        .replace(/\b[0-9a-f]{12,64}\b|\b[0-9A-F]{40}\b/g, "HEX")
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
        .replace(/\b\d+(?:\.\d+)? (\w+?)s?\b/g, "N $1")
        .replace(/\s+/g, " ")
        .trim(),
    )
    .filter((line) => line !== "");
}
