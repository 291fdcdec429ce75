import { parentPort } from "node:worker_threads";
import { Failure } from "../errors.ts";
import { LayerReader } from "./layer-reader.ts";
import type { FromWorker, PlainError, ToWorker } from "./worker-protocol.ts";

/** The thread that reads layers. It is given verified bytes: never a URL, never a credential. */

let reader: LayerReader | undefined;
let hasFailed = false;
let work: Promise<void> = Promise.resolve();

parentPort?.on("message", (message: ToWorker) => {
  work = work.then(() => (hasFailed ? undefined : handle(message))).catch(fail);
});

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case "open":
      reader = new LayerReader(message.job);
      return;
    case "chunk": {
      const { bytes, length } = message;
      await reader?.write(Buffer.from(bytes.buffer, bytes.byteOffset, length));
      post({ type: "free", bytes }, [bytes.buffer]);
      return;
    }
    case "end":
      await reader?.finish();
      reader = undefined;
      post({ type: "done" });
      return;
  }
}

/** A worker that failed is of no more use: its owner ends it. */
function fail(error: unknown): void {
  hasFailed = true;
  post({ type: "failed", error: plainError(error) });
}

function plainError(error: unknown): PlainError {
  if (error instanceof Failure)
    return { message: error.message, isFailure: true, code: error.code, hint: error.hint };
  if (!(error instanceof Error)) return { message: String(error), isFailure: false };
  const { message, stack } = error;
  return { message, isFailure: false, code: (error as NodeJS.ErrnoException).code, stack };
}

function post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}
