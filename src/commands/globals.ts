/** The options that every verb takes, before or after it; GlobalOptions of command.ts is what they become. */
import type { OptionSpec } from "./command.ts";

export const globals: readonly OptionSpec[] = [
  { flags: "--root <dir>", description: "work on the offline tree in this directory, without its systemd" },
  { flags: "--state <dir>", description: "where the store and the containers are (default: /var/lib/berth)" },
  { flags: "--config <file>", description: "the configuration (default: /etc/berth/berth.toml)" },
  { flags: "--json", description: "print the result, or the error, as JSON" },
  { flags: "--progress <format>", choices: ["json"], description: "what happens meanwhile, on stderr" },
  { flags: "-q, --quiet", description: "print the result and errors only" },
  { flags: "--debug", description: "print where an error came from" },
  { flags: "-y, --yes", description: "answer yes to every question" },
  { flags: "--assumeyes", description: "as --yes: Atomic's spelling", hidden: true },
];
