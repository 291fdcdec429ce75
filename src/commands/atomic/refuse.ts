/** What berth refuses of Atomic's options. */
import { Failure, isFailure } from "../../errors.ts";
import type { Words } from "./spelling.ts";

/** `--storage`: of Atomic's three, berth's own is in the place of ostree. USAGE. */
export function requireOstree({ storage }: Words["options"]): void {
  if (storage === undefined || storage === "ostree") return;
  throw new Failure(
    "USAGE",
    `there is no storage ${JSON.stringify(storage)}: berth has one, which is called ostree here`,
    {
      hint: storage === "docker" ? "an image of a local engine comes with the prefix docker:" : undefined,
    },
  );
}

/** The options of an install for a user, or as a package. USAGE. */
export function requireSystem({ user, storage, systemPackage }: Words["options"]): void {
  if (user === true) {
    throw new Failure("USAGE", "--user is not available: berth installs services of the system", {
      hint: "install it with --system, as root",
    });
  }
  if (storage !== undefined && storage !== "ostree")
    throw new Failure(
      "USAGE",
      "The --system and --user options are only available for the 'ostree' storage.",
    );
  requireMode(systemPackage);
}

function requireMode(mode: unknown): void {
  if (mode === undefined || mode === "auto" || mode === "no") return;
  if (mode === "build" || mode === "yes") {
    throw new Failure("USAGE", `--system-package=${mode} is not available: berth makes no packages`, {
      hint: "leave it out: berth keeps account of the host files by itself, and removes them with the container",
    });
  }
  throw new Failure("USAGE", "Invalid --system-package mode.  Accepted values: 'auto', 'build', 'no', 'yes'");
}

/** `work` for the container `name`; one that is not there is missed in Atomic's words. */
export async function missing<T>(message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isFailure(error, "NOT_INSTALLED")) throw error;
    throw new Failure("NOT_INSTALLED", message, { hint: error.hint });
  }
}

export function notInstalled(name: string | undefined): string {
  return `System container '${name}' is not installed`;
}
