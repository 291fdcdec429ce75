import type { Machine } from "./machine.ts";

/** Where berth writes on a host. Locks stay there: they hold nothing. */
const places = [
  "/var/lib/berth",
  "/etc/systemd/system",
  "/etc/tmpfiles.d",
  "/etc/sysusers.d",
  "/run/runc",
  "/run/crun",
];

/**
 * Everything of berth and of its services that a machine holds: files with type, mode, owner, size and link target; mounts; units that are
 * loaded; processes below system.slice. Two footprints that are equal mean that what happened between left nothing.
 */
export async function footprint(machine: Machine): Promise<string[]> {
  const files = await machine.run([
    "find",
    ...places,
    "-path",
    "*/.lock",
    "-prune",
    "-o",
    "-printf",
    "%p %y %m %u:%g %s %l\\n",
  ]);
  const mounts = await machine.output([
    "findmnt",
    "--list",
    "--noheadings",
    "--output",
    "TARGET,FSTYPE,OPTIONS",
  ]);
  const units = await machine.output([
    "systemctl",
    "list-units",
    "--all",
    "--plain",
    "--no-legend",
    "--type=service",
  ]);
  const processes = await machine.output(["systemctl", "status", "--no-pager", "--lines=0", "system.slice"]);
  return [
    // The size of a directory tells of entries it once had, not of what it holds.
    ...lines(files.stdout)
      .map((line) => line.replace(/^(\S+ d \S+ \S+) \d+/, "$1"))
      .sort(),
    ...lines(mounts)
      .map((line) => `mount ${line}`)
      .sort(),
    ...lines(units)
      .map((line) => `unit ${line.split(/\s+/).slice(0, 2).join(" ")}`)
      .sort(),
    ...lines(processes)
      .filter((line) => line.includes("─"))
      .map((line) => `process ${line.replace(/^[^─]*─\d* ?/, "")}`),
  ];
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
