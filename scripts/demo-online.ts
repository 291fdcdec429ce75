import { footprint } from "../test/support/lab/footprint.ts";
import type { Machine } from "../test/support/lab/machine.ts";
import { startRegistry } from "../test/support/lab/registry.ts";
import { Terminal } from "./terminal.ts";

const registry = "localhost:5000";
const network = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';

/** etcd, a network agent that needs it and a service that needs the network, from a registry to running, through a reboot and away again. */
export async function demonstrateOnline(machine: Machine): Promise<void> {
  const terminal = new Terminal((line) => machine.run(["sh", "-c", line]));
  terminal.say(
    "A machine with systemd, runc and crun, and a registry (Debian's docker-registry) on its loopback, filled by",
    "skopeo with images of Debian packages that umoci put together. berth was put there by `npm run install-host`.",
  );
  await startRegistry(machine, ["etcd", "agent", "web"]);
  await terminal.type(`curl --silent http://${registry}/v2/_catalog`, /etcd/);
  await terminal.type("berth check");
  await terminal.type(`berth pull ${registry}/etcd`);
  const before = await footprint(machine);

  terminal.say(
    "etcd from the registry to a running service. The command returns when etcd says that it is ready.",
  );
  await terminal.type(`berth install ${registry}/etcd --name etcd`);
  await terminal.type("etcdctl put greeting 'hello from berth'", /OK/);
  await terminal.type("etcdctl get greeting", /hello from berth/);
  await terminal.type("systemctl status etcd --no-pager --lines=0", /Active: active \(running\)/);

  terminal.say(
    "A network agent reads its network from etcd and writes /run/flannel/subnet.env, as flannel does; a web service",
    "needs that file. So the agent starts after etcd and before web.",
  );
  await terminal.type(`etcdctl put /coreos.com/network/config '${network}'`, /OK/);
  await terminal.type(
    `berth install ${registry}/web --name web --volume /run/flannel:/run/flannel:ro --no-start`,
  );
  await terminal.type(
    `berth install ${registry}/agent --name agent --after etcd --before web --volume /run/flannel:/run/flannel`,
  );
  await terminal.type("cat /run/flannel/subnet.env", /FLANNEL_SUBNET=10\.5\.7\.1\/24/);
  await terminal.type("berth start web");
  await terminal.type(page, /serves from 10\.5\.7\.1\/24/);

  terminal.say("What is there, and how it does.");
  await terminal.type("berth list", /agent.*active[\s\S]*etcd.*active[\s\S]*web.*active/);
  await terminal.type("berth status agent", /active/);
  await terminal.type("berth logs agent --lines 5", /this host has 10\.5\.7\.1\/24/);
  await terminal.type("berth images", /etcd/);

  terminal.say("A reboot: systemd starts the three in their order, and no part of berth runs.");
  await terminal.type("cat /etc/systemd/system/etcd.service", /ExecStart=/);
  await machine.reboot();
  await terminal.type("pgrep --list-full node", { status: 1 });
  await terminal.type(page, /serves from 10\.5\.7\.1\/24/);
  await terminal.type("etcdctl get greeting", /hello from berth/);
  await terminal.type(
    "systemctl show etcd agent web --property=Id,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic",
  );

  terminal.say("A mistake gets a reason, and leaves nothing.");
  await terminal.type(`berth install ${registry}/etcd --name etcd`, { status: 1 });
  await terminal.type(`berth install ${registry}/no-such-image`, { status: 1 });

  terminal.say("And away again, with all that they stored.");
  await terminal.type("berth uninstall web agent etcd --purge");
  await terminal.type("berth list");
  await terminal.type("berth status etcd", { status: 4 });
  await terminal.type("berth rmi etcd agent web");
  const left = (await footprint(machine)).filter(
    (line) => !before.includes(line) && !line.startsWith("/var/lib/berth/store"),
  );
  if (left.length > 0) throw new Error(`left behind:\n${left.join("\n")}`);
  terminal.say("No file, unit, mount or process of theirs is left. The machine is removed now.");
}

const page =
  "curl --silent --show-error --retry 20 --retry-delay 1 --retry-connrefused http://127.0.0.1:8080/";
