import type { Facts } from "../../../src/deploy/plan.ts";
import type { InstallRequest } from "../../../src/deploy/request.ts";
import type { ExecConfig } from "../../../src/oci/image-config.ts";

export const DIGEST = `sha256:${"ab".repeat(32)}` as const;

/** A request that asks for nothing but the image. */
export function request(more: Partial<InstallRequest> = {}): InstallRequest {
  return {
    image: "registry.example.com/etcd:3.4",
    values: {},
    environment: {},
    volumes: [],
    order: { after: [], before: [], requires: [], wants: [], partOf: [] },
    wantedBy: [],
    start: true,
    ...more,
  };
}

/** The facts of an image like etcd's on a host with runc; every path is executable. */
export function facts({ config, ...more }: Partial<Facts> & { config?: Partial<ExecConfig> } = {}): Facts {
  return {
    image: {
      name: "registry.example.com/etcd:3.4",
      digest: DIGEST,
      config: {
        env: ["ETCD_DATA_DIR=/var/lib/etcd"],
        entrypoint: ["/usr/bin/etcd"],
        cmd: ["--name", "default"],
        volumes: ["/var/lib/etcd"],
        exposedPorts: ["2379/tcp"],
        labels: { "berth.notify": "true" },
        ...config,
      },
    },
    verdict: {
      scope: "the default policy",
      requirements: [{ type: "insecureAcceptAnything" }],
      checked: "2020-01-01T00:00:00.000Z",
    },
    user: { uid: 0, gid: 0, additionalGids: [], home: "/root" },
    isExecutable: () => true,
    resolve: (path) => path,
    directory: () => ({ uid: 0, gid: 0, mode: 0o700 }),
    number: 0,
    dir: "/var/lib/berth/containers/etcd.0",
    runtime: { kind: "oci", path: "/usr/sbin/runc", flavor: "runc" },
    networkFiles: ["/etc/hosts", "/etc/resolv.conf"],
    accounts: { uids: new Set([0]), gids: new Set([0]) },
    paths: {
      unitDirectory: "/etc/systemd/system",
      tmpfilesDirectory: "/etc/tmpfiles.d",
      state: "/var/lib/berth",
    },
    variables: {
      imageName: "registry.example.com/etcd:3.4",
      atomic: "/usr/local/bin/berth",
      uuid: "0f0e0d0c-0b0a-4908-8706-050403020100",
    },
    caller: { uid: 0, gid: 0 },
    security: { selinux: false, apparmor: false },
    kindOf: () => "dir",
    madeSources: new Set(),
    now: 1_700_000_000,
    ...more,
  };
}
