/**
 * What Project Atomic's own tests said of system containers, in this project's words, by number: what is to hold as `atomic`.
 * `difference`: what does not, or not so, and why; docs/atomic.md tells users.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { projectDir } from "./lab/cache.ts";

export interface Statement {
  says: string;
  difference?: string;
}

const noRpm = "berth makes no packages: it keeps account of host files itself, on every distribution";

export const statements: Record<number, Statement> = {
  1: { says: "install writes unit, tmpfiles lines and the deployment's copies, config.json and info" },
  2: {
    says: "the deployment's root has the SELinux label of /",
    difference: "the machines of the tests have no SELinux, so that nothing can show it",
  },
  3: { says: "a value given with --set is in config.json" },
  4: { says: "a default of the image is in config.json" },
  5: { says: "install with --rootfs makes a deployment and a unit of its own" },
  6: { says: "with --rootfs the deployment's rootfs is a symbolic link" },
  7: { says: "uninstalling what has a root elsewhere leaves that root" },
  8: { says: "uninstall removes unit, tmpfiles lines, link and deployments" },
  9: { says: "installing a name twice is no error, and says that it is there" },
  10: { says: "a variable without a value fails, named in the known words, and leaves nothing behind" },
  11: { says: "with --set the same install succeeds" },
  12: { says: "install from an archive of docker save" },
  13: { says: "install from the local engine" },
  14: { says: "installing a run-once image runs it" },
  15: { says: "run of a run-once image runs a command in it" },
  16: { says: "after a run-once there is no unit and no deployment" },
  17: { says: "a name may end in .0" },
  18: { says: "run in a stopped container" },
  19: { says: "run in a running container" },
  20: { says: "run takes --runtime" },
  21: { says: "systemctl shows a started service as running" },
  22: { says: "systemctl shows a stopped service as inactive" },
  23: { says: "containers list shows command, state, backend and runtime" },
  24: { says: "containers list, cut, whole, all and as JSON" },
  25: { says: "containers list by image and by backend" },
  26: { says: "containers list --quiet prints ids alone" },
  27: { says: "containers list with a filter that nothing fits prints nothing" },
  28: { says: "the state is running, and inactive after a stop" },
  29: { says: "run without a command starts, stop stops" },
  30: { says: "an update with nothing new says so and succeeds" },
  31: { says: "an update with a new value makes the other deployment and switches to it" },
  32: { says: "an update keeps earlier values and takes new ones" },
  33: { says: "the UUID survives an update" },
  34: { says: "the updated container starts" },
  35: { says: "rollback returns to the deployment before, with its values" },
  36: { says: "a second rollback returns again, and what runs stays running" },
  37: { says: "a further update uses the first deployment's number again, and what runs stays running" },
  38: { says: "images update --all skips short names; containers update --all succeeds" },
  39: { says: "an update to the same image says that nothing is new" },
  40: { says: "an update to an image that lacks a value fails and changes nothing" },
  41: { says: "with the value it succeeds, and the service runs on" },
  42: { says: "rollback then restores image and values" },
  43: { says: "an update to an image of the local engine fetches it" },
  44: { says: "a container with a root elsewhere starts, is updated and rolled back" },
  45: { says: "any program can be named as the runtime, and is in the unit" },
  46: { says: "a runtime that is not there is an error that says so" },
  47: { says: "pull gives the image a name in the store" },
  48: { says: "pulling again fetches no layer; another name shares the layers" },
  49: { says: "images list marks what a container has; images without /exports can be installed" },
  50: { says: "containers delete removes such a container" },
  51: { says: "images list: quiet and filters" },
  52: { says: "images list --all has rows without a name" },
  53: { says: "images delete removes a name" },
  54: { says: "layers stay as long as a name needs them; an id's start deletes the last name" },
  55: { says: "pull from the local engine, with its size" },
  56: { says: "images tag gives a second name to the same id" },
  57: { says: "images info shows labels and the variables with and without a default" },
  58: { says: "images version and images verify" },
  59: { says: "an archive's image has the name inside" },
  60: { says: "mount of a name that an engine has too asks for --storage" },
  61: { says: "mount of an image, and umount" },
  62: { says: "mount of a container, and umount" },
  63: { says: "mount --live is refused" },
  64: { says: "mount --shared drops a transport's prefix" },
  68: { says: "host files are templates only where the image says so" },
  70: {
    says: "a second container with the same host files fails and leaves nothing",
    difference:
      "the same file with the same content is shared, and its owners are counted; a different one is left out with Atomic's words",
  },
  71: { says: "uninstall removes host files and empty directories" },
  72: { says: "--system-package=auto installs the host files, and uninstall removes them" },
  73: { says: "--system-package=no installs the host files, copied where the image says so" },
  74: { says: "a host file that the admin edited survives an update" },
  75: { says: "which paths --rootfs takes" },
  76: { says: "the deployment's root is below it" },
  77: { says: "config.json is taken as it is, its template is rendered, and without both one is made" },
  78: { says: "a key that the manifest lacks has its default" },
  79: { says: "the names in renameFiles are templates; an unknown variable is an error" },
  80: {
    says: "a record that cannot be written takes the new host files with it",
    difference:
      "the record is on disk before the first host file; a change that is cut off is undone from its journal, at every step (test/system/kill.test.ts)",
  },
  81: { says: "the host files of a container are on record with their checksums" },
  82: { says: "the file of a name is never taken for a digest; the tag is latest" },
  83: { says: "run: beside a service, in a stopped container, with --detach, of an unknown name" },
  84: { says: "which prefixes mean a registry, with and without TLS" },
  85: { says: "host files: edited ones stay, others go; templates and copies" },
  86: { says: "a program that is missing is an error of its own" },
  87: {
    says: "the parts of an image's name",
    difference:
      "a short name means what registries.conf says, and a name may have tag and digest both, as podman has it",
  },
  88: {
    says: "which names trust takes",
    difference:
      "a repository may have underscores, as the distribution specification says, so foo_bar is taken",
  },
  89: { says: "every capability that PID 1 may give is in the list" },
  90: {
    says: "proxies from the environment win over the configuration",
    difference: "they come from the environment alone, as curl's and podman's do",
  },
  91: { says: "images delete: names or --all" },
  92: { says: "trust: web and local, adding, deleting and showing keys" },
  93: { says: "lists as JSON, bad filters, no heading; tagging what is not there" },
  94: {
    says: "a lint for such images",
    difference:
      "it was a tool beside the command; install --dry-run and inspect say what an image asks for, and what berth refuses",
  },
};

/** Left out, since they are about packages of the host. */
export const packageStatements: Record<number, string> = { 65: noRpm, 66: noRpm, 67: noRpm, 69: noRpm };

/** Where tests are whose names begin with the numbers of statements: `1, 3: install writes...`. */
const files = [
  "test/system/atomic.test.ts",
  "test/system/atomic-remote.test.ts",
  "test/integration/atomic-engine.test.ts",
  "test/integration/atomic-files.test.ts",
  "test/integration/atomic-names.test.ts",
  "test/integration/atomic-verbs.test.ts",
  "test/unit/commands/atomic/image-name.test.ts",
];

export function numbersOf(name: string): number[] {
  const [, numbers] = /^(\d+(?:, \d+)*): /.exec(name) ?? [];
  return numbers?.split(", ").map(Number) ?? [];
}

export interface Row extends Statement {
  number: number;
  verdict: "pass" | "difference" | "FAILED" | "NO TEST";
}

/** A row a statement. `failed`: those that a test of this run spoke against. */
export async function table(failed: ReadonlySet<number>): Promise<Row[]> {
  const texts = await Promise.all(files.map((file) => readFile(join(projectDir, file), "utf8")));
  const tested = new Set(
    texts.flatMap((text) =>
      [...text.matchAll(/\(\s*"((?:\d+, )*\d+: )/g)].flatMap(([, name = ""]) => numbersOf(name)),
    ),
  );
  return Object.entries(statements).map(([key, statement]) => {
    const number = Number(key);
    const verdict = verdictOf(number, { isTested: tested.has(number), failed, statement });
    const says =
      statement.difference === undefined ? statement.says : `${statement.says}: ${statement.difference}`;
    return { ...statement, number, verdict, says };
  });
}

function verdictOf(
  number: number,
  { isTested, failed, statement }: { isTested: boolean; failed: ReadonlySet<number>; statement: Statement },
): Row["verdict"] {
  if (failed.has(number)) return "FAILED";
  if (statement.difference !== undefined) return "difference";
  return isTested ? "pass" : "NO TEST";
}
