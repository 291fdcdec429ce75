/** Paths and habits of one run of berth, all decided: defaults <- berth.toml <- environment <- flags. */

/** Every path is absolute and is a path of the running host (below `root` where it belongs to the tree). */
export interface Config {
  /** `/`, or the offline tree that is worked on. */
  readonly root: string;
  readonly state: string;
  /** Where units go; default ROOT/etc/systemd/system. */
  readonly unitDirectory: string;
  readonly tmpfilesDirectory: string;
  /** The admin's own templates, used before berth's. */
  readonly templatesDirectory: string;
  /** The runtime of an install that names none; undefined: the best this host has. */
  readonly runtime: string | undefined;
  /** Deployments kept for each container, the current one counted. */
  readonly keep: number;
  /** Whether images may ask for what is as powerful as a package (host files, their own units). */
  readonly hostAccess: "allow" | "refuse";
}
