/** Mounts of old runtime configurations on a host of today, whose control groups are one hierarchy (cgroup v2). Pure. */

type Json = Record<string, unknown>;

const CGROUPS = "/sys/fs/cgroup";

/** Options of a tmpfs, which mean nothing to a bind; runc passes them over and others may not. */
const TMPFS_OPTION = /^(mode|size|uid|gid|nr_inodes|nr_blocks|mpol)=/;

/** What is not of the shape that it expects stays for the reader to judge. Adds to `notes` what it changes. */
export function convertMounts(given: unknown, notes: string[]): unknown {
  if (!Array.isArray(given)) return given ?? [];
  const mounts = given.map((mount: unknown) => (isRecord(mount) ? convertMount(mount, notes) : mount));
  return convertCgroups(mounts, notes);
}

function convertMount(mount: Json, notes: string[]): Json {
  const { destination: asGiven, type: typeGiven } = mount;
  const destination = typeof asGiven === "string" ? absolute(asGiven) : asGiven;
  const options = stringsOf(mount["options"]) ?? [];
  const isRbind = typeGiven === "rbind";
  const type = isRbind ? "bind" : typeGiven;
  const isBind = type === "bind" || options.includes("bind") || options.includes("rbind");
  if (!isBind) return { ...mount, destination };
  const idle = options.filter((option) => TMPFS_OPTION.test(option));
  if (idle.length > 0)
    notes.push(`${idle.join(",")} of the bind at ${String(destination)} is left out: it means nothing there`);
  const kept = options.filter((option) => !idle.includes(option));
  if (isRbind) notes.push(`the mount of type rbind at ${String(destination)} has become a bind with rbind`);
  const missing = kept.includes("bind") || kept.includes("rbind") ? [] : [isRbind ? "rbind" : "bind"];
  return { ...mount, destination, type: "bind", options: [...missing, ...kept] };
}

/** The hierarchies of version 1 are not there: a tmpfs for them, and each of them, give way to the one that is. */
function convertCgroups(mounts: unknown[], notes: string[]): unknown[] {
  const isBelow = (mount: unknown): mount is Json =>
    isRecord(mount) && String(mount["destination"]).startsWith(`${CGROUPS}/`);
  const below = mounts.filter(isBelow);
  if (below.length > 0) {
    const paths = below.map((mount) => String(mount["destination"]));
    notes.push(`the mounts ${paths.join(", ")} are left out: this host has one hierarchy of control groups`);
  }
  const writable = below.some((mount) => !stringsOf(mount["options"])?.includes("ro"));
  return mounts
    .filter((mount) => !isBelow(mount))
    .map((mount) => {
      if (!isRecord(mount) || mount["destination"] !== CGROUPS || mount["type"] !== "tmpfs") return mount;
      notes.push(`the tmpfs at ${CGROUPS} has become a bind of this host's`);
      const options = ["rbind", writable && below.length > 0 ? "rw" : "ro", "nosuid", "noexec", "nodev"];
      return { destination: CGROUPS, type: "bind", source: CGROUPS, options };
    });
}

/** Old runtimes took `proc` for `/proc`, and a slash at the end. */
function absolute(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return `/${parts.join("/")}`;
}

function stringsOf(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
