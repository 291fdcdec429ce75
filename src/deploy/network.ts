/** Which network a service has. Pure. */
import { isAbsolute, normalize } from "node:path";
import { Failure } from "../errors.ts";
import type { Directive } from "../runtime/runtime.ts";
import { quotePathValue } from "../unit/quote.ts";

/** `host` by default; `private` has a loopback and nothing else; a path is a network namespace that somebody made. */
export type Network = { type: "host" } | { type: "private" } | { type: "namespace"; path: string };

/**
 * `host`, `private`, `ns:PATH`, or `ns:NAME` for a namespace of ip-netns(8).
 * @throws Failure USAGE for anything else.
 */
export function parseNetwork(text: string): Network {
  if (text === "host" || text === "private") return { type: text };
  const given = /^ns:(.+)$/s.exec(text)?.[1];
  const path = given !== undefined && /^[\w.-]+$/.test(given) ? `/run/netns/${given}` : given;
  if (path === undefined || !isAbsolute(path) || path.split("/").includes("..") || /[\0\n]/.test(path)) {
    throw new Failure("USAGE", `--network ${JSON.stringify(text)} is no network that berth knows`, {
      hint: "give host, private, ns:NAME of a namespace that `ip netns` knows, or ns:PATH",
    });
  }
  return { type: "namespace", path: normalize(path) };
}

/**
 * One way for all runtimes: systemd gives the unit its network, and an OCI runtime keeps the one it is started in. So
 * JoinsNamespaceOf= and `ip netns` work on it as on any unit.
 */
export function networkDirectives(network: Network): Directive[] {
  if (network.type === "host") return [];
  if (network.type === "private") return [["PrivateNetwork", "yes"]];
  return [["NetworkNamespacePath", quotePathValue(network.path)]];
}
