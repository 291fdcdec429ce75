import { parentPort, workerData } from "node:worker_threads";
import { checkObject } from "./check-object.ts";
import type { HashBatch, HashedBatch, HashWorkerData } from "./hash-objects.ts";

/** The thread that hashes objects: batches of names come, what is wrong with them goes back. */

const { objects, rate } = workerData as HashWorkerData;
const started = performance.now();
const pause = new Int32Array(new SharedArrayBuffer(4));
let read = 0;

parentPort?.on("message", ({ names }: HashBatch) => {
  const answer: HashedBatch = { bytes: 0, damaged: [] };
  for (const name of names) {
    const reason = checkObject(objects, name, (bytes) => {
      answer.bytes += bytes;
      keepPace(bytes);
    });
    if (reason !== undefined) answer.damaged.push([name, reason]);
  }
  parentPort?.postMessage(answer);
});

/** Waits until what was read since the start is no more than the rate allows. */
function keepPace(bytes: number): void {
  if (rate === undefined) return;
  read += bytes;
  const early = (read / rate) * 1000 - (performance.now() - started);
  if (early >= 1) Atomics.wait(pause, 0, 0, early);
}
