/** rollback: back to a deployment that was current before. Needs no network and no image: the deployment holds everything. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Container, findContainer } from "./containers.ts";
import { imageOf } from "./deployments.ts";
import { readInfo } from "./info.ts";
import { writeIntent } from "./journal.ts";
import { lockContainer } from "./lock.ts";
import { recorded, type Target } from "./record.ts";
import { recover } from "./recover.ts";
import { type FileOutcome, filesRequestOf, foreseeFiles } from "./settle-files.ts";
import { previousDeployment, requireDeployment } from "./standings.ts";
import { switchDeployment } from "./switch.ts";
import { clearAway, switchIntent } from "./update.ts";

export interface RolledBack {
  name: string;
  from: { deployment: number; digest: string };
  to: { deployment: number; digest: string };
  /** The image that is left says that older ones cannot read the data any more. */
  oneWay: boolean;
  /** What became of the image's files on the host. */
  files: FileOutcome[];
}

/** `to`: a deployment's number; by default the one that was current before. Twice returns. @throws Failure NO_PREVIOUS */
export async function rollback(
  host: Host,
  name: string,
  { to, watchMs }: { to?: number | undefined; watchMs: number },
): Promise<RolledBack> {
  host.requireRoot("roll a container back");
  await findContainer(host, name);
  const lock = await lockContainer(host, name);
  try {
    await recover(host, name);
    const container = await findContainer(host, name);
    const number =
      to === undefined ? await previous(host, name) : await requireDeployment(host.layout, name, to);
    if (number === container.deployment) {
      throw new Failure("NO_PREVIOUS", `deployment ${number} of ${name} is the current one`);
    }
    return await recorded(host, { change: "rollback", name }, (recording, begin) =>
      goTo(recording, container, { number, watchMs, begin }),
    );
  } finally {
    lock.release();
  }
}

async function goTo(
  host: Host,
  container: Container,
  { number, watchMs, begin }: { number: number; watchMs: number; begin(target: Target): void },
): Promise<RolledBack> {
  const { name, deployment, info } = container;
  const target = await readInfo(host.layout.deployment(name, number));
  const to = { deployment: number, digest: imageOf(target) };
  await foreseeFiles(host, { ...filesRequestOf(target), conflicts: "keep" });
  begin(to);
  const oneWay = info.berth.oneWay ?? false;
  if (oneWay) {
    const message = `the image of ${name} that is left has changed its data for good (label berth.data=one-way): what runs now may not read it`;
    host.report({ type: "warning", message });
  }
  const intent = await switchIntent(host, container, {
    action: "rollback",
    to: number,
    made: false,
    displaced: false,
  });
  await writeIntent(host.layout, intent);
  const files = await switchDeployment(host, intent, { watchMs });
  await clearAway(host, name);
  return { name, from: { deployment, digest: imageOf(info) }, to, oneWay, files };
}

async function previous({ layout }: Host, name: string): Promise<number> {
  const number = await previousDeployment(layout, name);
  if (number !== undefined) return number;
  throw new Failure("NO_PREVIOUS", `${name} has no deployment to go back to`, {
    hint: `berth history ${name} shows what it has`,
  });
}
