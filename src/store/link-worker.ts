import { parentPort, workerData } from "node:worker_threads";
import { type LinkBatch, linkBatch } from "./link-batch.ts";
import type { LinkWorkerData } from "./link-thread.ts";

/** The thread that makes links: batches come, then "end"; the paths that failed go back. */

const { done, ...places } = workerData as LinkWorkerData;
const failed: string[] = [];

parentPort?.on("message", (message: LinkBatch | "end") => {
  if (message === "end") {
    parentPort?.postMessage(failed);
    return;
  }
  failed.push(...linkBatch(message, places));
  Atomics.add(done, 0, 1);
});
