/** A real registry in the machine: Debian's docker-registry on its loopback, filled by skopeo. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ImageName, imageNames } from "./images.ts";
import { imagesInside, type Machine } from "./machine.ts";
import { registryAddress } from "./tree.ts";

/** Starts the registry, now and at every boot, and puts all images, or those named, in. */
export async function startRegistry(
  machine: Machine,
  names: readonly ImageName[] = imageNames,
): Promise<void> {
  await machine.output(["systemctl", "enable", "--quiet", "--now", "registry"]);
  await untilAnswering(machine);
  for (const name of names) {
    const destination = `docker://${registryAddress}/${name}:latest`;
    await machine.output(["skopeo", "copy", "--quiet", `oci:${imagesInside}/${name}:latest`, destination]);
  }
}

async function untilAnswering(machine: Machine): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const { exitCode } = await machine.run([
      "curl",
      "--silent",
      "--fail",
      "--output",
      "/dev/null",
      `http://${registryAddress}/v2/`,
    ]);
    if (exitCode === 0) return;
    await sleep(50);
  }
  throw new Error(await machine.output(["journalctl", "--unit=registry", "--output=cat"]));
}
