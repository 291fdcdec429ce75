import type { Machine } from "./machine.ts";

/** Where berth writes on a host. */
const places = "/var/lib/berth /etc/systemd/system /etc/tmpfiles.d /etc/sysusers.d /run/runc /run/crun".split(
  " ",
);

/** Files to lock: they stay, and hold no more than who locked last. */
const locks = "( -name .lock -prune -o -path */store/lock )".split(" ");

/**
 * Everything of berth and of its services that a machine holds: files with type, mode, owner, size and link target; mounts;
 * units that are active or failed; processes below system.slice. Two footprints that are equal mean that what happened between left nothing.
 */
export async function footprint(machine: Machine): Promise<string[]> {
  const show = (argv: string): Promise<string> => machine.output(argv.split(" "));
  const format = ["-printf", "%p %y %m %u:%g %s %l\\n"];
  const files = await machine.run(["find", ...places, "-mindepth", "1", ...locks, "-o", ...format]);
  const mounts = await show("findmnt --list --noheadings --output TARGET,FSTYPE,VFS-OPTIONS");
  const units = await show("systemctl list-units --plain --no-legend --type=service");
  const processes = await machine.run(["systemctl", "status", "--no-pager", "--lines=0", "system.slice"]);
  // It ends well without the processes when it could not list them.
  if (processes.stderr !== "") throw new Error(`processes of ${machine.dir}: ${processes.stderr}`);
  return [
    // The size of a directory tells of entries it once had, not of what it holds.
    ...sorted(files.stdout).map((line) => line.replace(/^(\S+ d \S+ \S+) \d+/, "$1")),
    ...sorted(mounts).map((line) => `mount ${line.replace(/\s+/g, " ")}`),
    ...sorted(units).map((line) => `unit ${line.split(/\s+/).slice(0, 3).join(" ")}`),
    ...sorted(processes.stdout.replace(/^[^─]*$/gm, "").replace(/^.*─(\d+ )?/gm, "process ")),
  ];
}

function sorted(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .sort();
}
