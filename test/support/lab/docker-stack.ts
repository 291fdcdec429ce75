/** etcd, a network agent that reads its configuration there, and Docker on the subnet of the agent: three services whose order matters. */
import type { Machine } from "./machine.ts";

/** In the order in which they must start. */
export const stack = ["etcd", "agent", "docker"] as const;

const rootfs = "/var/lib/berth/containers/docker/rootfs";
const client = [`${rootfs}/usr/bin/docker`, "-H", "unix:///run/docker/docker.sock"];

/** Installs the three, one after the other; `images` says by which names. */
export async function installStack(
  lab: Machine,
  images: Record<(typeof stack)[number], string>,
): Promise<void> {
  const timeout = 300_000;
  const install = (name: (typeof stack)[number], ...options: string[]): Promise<string> =>
    lab.output(["berth", "install", images[name], "--name", name, ...options], { timeout });
  const config = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';
  const subnet = ["--volume", "/run/flannel:/run/flannel"];
  await install("etcd");
  await lab.output(["etcdctl", "put", "/coreos.com/network/config", config]);
  await install("agent", "--after", "etcd", ...subnet);
  const docker = ["--privileged", "--after", "agent", "--volume", "/run/docker:/run/docker"];
  await install("docker", ...docker, ...subnet);
}

/** Gives Docker an image to run. */
export async function importBox(lab: Machine): Promise<void> {
  const fill = `mkdir -p /tmp/box/bin && cp ${rootfs}/bin/busybox /tmp/box/bin && tar -C /tmp/box -c . | ${client.join(" ")} import - box`;
  await lab.output(["sh", "-c", fill], { timeout: 120_000 });
  await lab.output(["rm", "-rf", "/tmp/box"]);
}

/** What a container in Docker says of its network. */
export async function runInDocker(lab: Machine): Promise<string> {
  const command = ["run", "--rm", "box", "/bin/busybox", "ip", "addr", "show", "eth0"];
  return lab.output([...client, ...command], { timeout: 120_000 });
}

/** Microseconds of the monotonic clock: when the unit's start began, and when it was up. */
export async function startTimes(lab: Machine, unit: string): Promise<{ begun: number; active: number }> {
  const read = async (property: string): Promise<number> =>
    Number(await lab.output(["systemctl", "show", unit, "--value", `--property=${property}`]));
  return {
    begun: await read("InactiveExitTimestampMonotonic"),
    active: await read("ActiveEnterTimestampMonotonic"),
  };
}
