import { join } from "node:path";
import type { Digest } from "../oci/digest.ts";
import { digestHex } from "../oci/digest.ts";

/**
 * Where everything lies below a state directory (/var/lib/berth). Nobody else joins these paths.
 *
 * ```
 * store/format                   version of the store
 * store/lock                     flock: shared to claim, to publish and to check out, exclusive to prune
 * store/tmp/ID/  ID.lock         staging of one add, see claims.ts; leftovers have a free lock
 * store/tmp/HEX.layer            flock: who receives the layer of this diffID
 * store/objects/ab/KEY           content of a file, see object-name.ts
 * store/layers/HEX               listing of a layer by diffID, see layer/listing-format.ts
 * store/images/HEX.json          manifest and config of an image by digest
 * store/names/ENCODED            which image a name means
 * store/blobs/HEX                a layer's blob as it came, only after pull --keep-blobs
 * store/checkouts/HEX/           an image's tree, ready to be run in place by others, only in what `share` makes
 * containers/NAME -> NAME.N      the current deployment
 * containers/NAME.N/             a deployment; NAME.N.tmp being made, NAME.N.old being replaced
 * containers/.journal/NAME.json  an activation under way
 * containers/.lock/NAME          flock: one change at a time
 * containers/.state/NAME.json    which directories of the host are its state, also after an uninstall
 * containers/.NAME.json          what the admin says of a container's updates
 * containers/.files/NAME.json    the files of its image that it has on the host
 * containers/.adopted/NAME.json  how the host was before the container was adopted, until that is confirmed
 * scratch/ID/  ID.lock           a checkout that is no deployment: of a mount, or of a single run
 * ```
 */
export interface Layout {
  readonly state: string;
  readonly store: string;
  readonly format: string;
  readonly lock: string;
  readonly tmp: string;
  readonly objects: string;
  readonly layers: string;
  readonly images: string;
  readonly names: string;
  readonly blobs: string;
  readonly checkouts: string;
  readonly scratch: string;
  readonly adoptions: string;
  readonly containers: string;
  readonly journals: string;
  readonly containerLocks: string;
  readonly ledgers: string;
  readonly stateRecords: string;
  object(key: string): string;
  layer(diffId: Digest): string;
  layerLock(diffId: Digest): string;
  image(digest: Digest): string;
  name(encoded: string): string;
  blob(digest: Digest): string;
  checkout(digest: Digest): string;
  container(name: string): string;
  deployment(name: string, n: number): string;
  deploymentTmp(name: string, n: number): string;
  deploymentOld(name: string, n: number): string;
  journal(name: string): string;
  containerLock(name: string): string;
  settings(name: string): string;
  adoption(name: string): string;
  ledger(name: string): string;
  stateRecord(name: string): string;
}

/** The path of an object below the objects of a store or of a stage. */
export function objectIn(objects: string, key: string): string {
  return `${objects}/${key.slice(0, 2)}/${key}`;
}

export function layoutOf(stateDir: string): Layout {
  const store = join(stateDir, "store");
  const containers = join(stateDir, "containers");
  const journals = join(containers, ".journal");
  const containerLocks = join(containers, ".lock");
  const ledgers = join(containers, ".files");
  const stateRecords = join(containers, ".state");
  const inStore = (...parts: string[]): string => join(store, ...parts);
  const deployment = (name: string, n: number): string => join(containers, `${name}.${n}`);
  return {
    state: stateDir,
    store,
    format: inStore("format"),
    lock: inStore("lock"),
    tmp: inStore("tmp"),
    objects: inStore("objects"),
    layers: inStore("layers"),
    images: inStore("images"),
    names: inStore("names"),
    blobs: inStore("blobs"),
    checkouts: inStore("checkouts"),
    scratch: join(stateDir, "scratch"),
    adoptions: join(containers, ".adopted"),
    containers,
    journals,
    containerLocks,
    ledgers,
    stateRecords,
    object: (key) => objectIn(inStore("objects"), key),
    layer: (diffId) => inStore("layers", digestHex(diffId)),
    layerLock: (diffId) => inStore("tmp", `${digestHex(diffId)}.layer`),
    image: (digest) => inStore("images", `${digestHex(digest)}.json`),
    name: (encoded) => inStore("names", encoded),
    blob: (digest) => inStore("blobs", digestHex(digest)),
    checkout: (digest) => inStore("checkouts", digestHex(digest)),
    container: (name) => join(containers, name),
    deployment,
    deploymentTmp: (name, n) => `${deployment(name, n)}.tmp`,
    deploymentOld: (name, n) => `${deployment(name, n)}.old`,
    journal: (name) => join(journals, `${name}.json`),
    containerLock: (name) => join(containerLocks, name),
    settings: (name) => join(containers, `.${name}.json`),
    adoption: (name) => join(containers, ".adopted", `${name}.json`),
    ledger: (name) => join(ledgers, `${name}.json`),
    stateRecord: (name) => join(stateRecords, `${name}.json`),
  };
}
