import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { Failure } from "../errors.ts";

export interface HashOptions {
  /** How many threads. */
  jobs: number;
  /** Most bytes a second, all threads together. */
  rate?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface Hashed {
  bytes: number;
  /** Name of the object to what is wrong with it. */
  damaged: Map<string, string>;
}

export interface HashWorkerData {
  objects: string;
  /** Bytes a second of this thread. */
  rate: number | undefined;
}

export interface HashBatch {
  names: string[];
}

export interface HashedBatch {
  bytes: number;
  damaged: [name: string, reason: string][];
}

const BATCH = 200;

/** Checks the objects of these names against their names, in threads of their own. INTERRUPTED. */
export async function hashObjects(
  objects: string,
  names: readonly string[],
  { jobs, rate, signal }: HashOptions,
): Promise<Hashed> {
  const hashed: Hashed = { bytes: 0, damaged: new Map() };
  const count = Math.max(1, Math.min(jobs, Math.ceil(names.length / BATCH)));
  const share = rate === undefined ? undefined : rate / count;
  let next = 0;
  const takeBatch = (): string[] => {
    next += BATCH;
    return names.slice(next - BATCH, next);
  };
  if (names.length === 0) return hashed;
  const onBatch = ({ bytes, damaged }: HashedBatch): void => {
    hashed.bytes += bytes;
    for (const [name, reason] of damaged) hashed.damaged.set(name, reason);
  };
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(new Failure("INTERRUPTED", "interrupted while objects were hashed"));
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort);
  try {
    await Promise.all(
      Array.from({ length: count }, () =>
        runWorker({ objects, rate: share }, { takeBatch, onBatch, signal: stop.signal }).catch(
          (error: unknown) => {
            stop.abort(error);
            throw error;
          },
        ),
      ),
    );
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  return hashed;
}

/** One thread, until there is nothing left to take. */
async function runWorker(
  workerData: HashWorkerData,
  {
    takeBatch,
    onBatch,
    signal,
  }: { takeBatch(): string[]; onBatch(batch: HashedBatch): void; signal: AbortSignal },
): Promise<void> {
  const file = new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(file, { workerData, execArgv: [] });
  try {
    await new Promise<void>((resolve, reject) => {
      const give = (): void => {
        const names = takeBatch();
        if (names.length === 0) resolve();
        else worker.postMessage({ names } satisfies HashBatch);
      };
      const onAbort = (): void => reject(signal.reason as Error);
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort);
      worker.on("error", reject);
      worker.on("exit", () => reject(new Error("the thread that hashes objects ended")));
      worker.on("message", (batch: HashedBatch) => {
        onBatch(batch);
        give();
      });
      give();
    });
  } finally {
    await worker.terminate();
  }
}
