/** What the probe says of itself under each runtime, put side by side as rows of words that hold on any host. */

/** One answer of images/probe.pl. */
export interface Answer {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  uid: string;
  gid: string;
  groups: string[];
  pid: string;
  umask: string;
  caps: Record<"Prm" | "Eff" | "Bnd" | "Amb", string>;
  noNewPrivs: string;
  writable: Record<string, "yes" | "no">;
  mounts: string[];
  cgroup: string[];
  hostname: string;
  limits: Record<string, string>;
  oomScoreAdj: string;
  init: string;
  devices: string[];
  namespaces: Record<string, string>;
}

export interface Facts {
  /** The host's namespaces, as `readlink /proc/1/ns/*` gives them, by name. */
  namespaces: Record<string, string>;
  hostname: string;
  /** Variables that the image and the request set. */
  variables: string[];
}

export interface Row {
  what: string;
  cells: string[];
}

const USUAL_DEVICES = new Set(
  "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split(" "),
);

type Cell = (answer: Answer, facts: Facts) => string;

const ROWS: Record<string, Cell> = {
  arguments: ({ argv }) => argv.map((word) => `\`${word}\``).join(" "),
  "working directory": ({ cwd }) => `\`${cwd}\``,
  "user:group (groups)": ({ uid, gid, groups }) => `${uid}:${gid} (${groups.join(" ")})`,
  umask: ({ umask }) => umask,
  "more variables": ({ env }, { variables }) =>
    words(Object.keys(env).filter((name) => !variables.includes(name) && name !== "NOTIFY_SOCKET")),
  "sd_notify socket": ({ env }) => `\`${env["NOTIFY_SOCKET"]}\``,
  "effective capabilities": ({ caps }) => capabilities(caps.Eff),
  "bounding capabilities": ({ caps }) => capabilities(caps.Bnd),
  "no new privileges": ({ noNewPrivs }) => (noNewPrivs === "1" ? "yes" : "no"),
  "open files": ({ limits }) => {
    const [soft, hard] = (limits["open files"] ?? "").split(":");
    return soft === hard ? "soft limit raised to the hard one" : "the unit's limits";
  },
  "OOM score": ({ oomScoreAdj }) => oomScoreAdj,
  writable: ({ writable }) => words(keysWith(writable, "yes")),
  "read-only": ({ writable }) => words(keysWith(writable, "no")),
  "own namespaces": ({ namespaces }, facts) =>
    words(Object.keys(namespaces).filter((name) => namespaces[name] !== facts.namespaces[name])),
  "process 1 is": ({ pid }) => (pid === "1" ? "itself" : "the host's"),
  "control group": ({ cgroup }) =>
    `\`${cgroup
      .at(-1)
      ?.replace(/^0::/, "")
      .replace(/compare-\w+/, "NAME")}\``,
  "host name": ({ hostname }, facts) => (hostname === facts.hostname ? "the host's" : hostname),
  "more in /dev": ({ devices }) => words(devices.filter((name) => !USUAL_DEVICES.has(name))),
  "its temporary directories": ({ mounts }) =>
    words(["/run", "/tmp", "/var/tmp", "/dev/shm"].filter((path) => options(mounts, path) !== undefined)),
  "programs run from /dev/shm": ({ mounts }) =>
    options(mounts, "/dev/shm")?.includes("noexec") === true ? "no" : "yes",
};

export function compare(answers: readonly Answer[], facts: Facts): Row[] {
  return Object.entries(ROWS).map(([what, cell]) => ({
    what,
    cells: answers.map((answer) => cell(answer, facts)),
  }));
}

export function markdown(runtimes: readonly string[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(["what it sees", ...runtimes]),
    line(["---", ...runtimes.map(() => "---")]),
    ...rows.map(({ what, cells }) => line([what, ...cells])),
  ].join("\n");
}

function words(names: readonly string[]): string {
  return names.length === 0
    ? "none"
    : [...names]
        .sort()
        .map((name) => `\`${name}\``)
        .join(" ");
}

function keysWith(record: Record<string, string>, value: string): string[] {
  return Object.keys(record).filter((key) => record[key] === value);
}

/** How many of the mask; the kernel of a host has more or fewer, so all are `all`. */
function capabilities(mask: string): string {
  const bits = [...BigInt(`0x${mask}`).toString(2)].filter((bit) => bit === "1").length;
  return bits > 30 ? "all of the host's" : `${bits} of the image's`;
}

function options(mounts: readonly string[], path: string): string[] | undefined {
  const line = mounts.findLast((mount) => mount.split(" ")[0] === path);
  return line?.split(" ")[1]?.split(",");
}
