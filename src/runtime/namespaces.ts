/** `linux.namespaces` and `hostname` as directives, as far as the host's systemd has them. */
import type { RuntimeConfig } from "../oci/runtime-config.ts";
import { quotePathValue } from "../unit/quote.ts";
import { type Translation, translation, wordAt } from "./translation.ts";

/** systemd.exec(5): since when a directive is known. */
const SINCE = { PrivatePIDs: 257, ProtectControlGroups: 257, ProtectHostname: 258 };

export function namespaceDirectives(config: RuntimeConfig, version: number): Translation {
  const made = translation();
  const namespaces = config.linux?.namespaces ?? [];
  for (const { type, path } of namespaces) one(type, { path, version, made });
  const hostname = wordAt(config.hostname, { what: "hostname", pattern: /^[A-Za-z0-9.-]{1,64}$/ });
  const own = namespaces.some(({ type, path }) => type === "uts" && path === undefined);
  if (hostname !== undefined && version >= SINCE.ProtectHostname && own) {
    made.directives.push(["ProtectHostname", `yes:${hostname}`]);
    return made;
  }
  if (hostname !== undefined) made.unsupported.push(`a host name of its own (hostname ${hostname})`);
  if (own) made.directives.push(["ProtectHostname", "yes"]);
  return made;
}

function one(
  type: string,
  { path, version, made }: { path: string | undefined; version: number; made: Translation },
): void {
  const { directives, unsupported } = made;
  const named = path !== undefined;
  if (type === "mount" && !named) return;
  if (type === "uts" && !named) return;
  if (type === "ipc") {
    directives.push(named ? ["IPCNamespacePath", quotePathValue(path)] : ["PrivateIPC", "yes"]);
  } else if (type === "network") {
    directives.push(named ? ["NetworkNamespacePath", quotePathValue(path)] : ["PrivateNetwork", "yes"]);
  } else if (type === "pid" && !named && version >= SINCE.PrivatePIDs) {
    directives.push(["PrivatePIDs", "yes"]);
  } else if (type === "cgroup" && !named && version >= SINCE.ProtectControlGroups) {
    directives.push(["ProtectControlGroups", "private"]);
  } else unsupported.push(`a ${type} namespace${named ? ` at ${path}` : ""} (linux.namespaces)`);
}
