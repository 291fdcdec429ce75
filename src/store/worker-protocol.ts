import type { Code } from "../errors.ts";
import type { LayerJob } from "./layer-reader.ts";

/**
 * What the main thread says to the worker that reads layers, one layer after the other. The memory of `bytes`
 * moves with the message and comes back in `free`: the number of buffers bounds what is under way.
 */
export type ToWorker =
  | { type: "open"; job: LayerJob }
  | { type: "chunk"; bytes: Uint8Array<ArrayBuffer>; length: number }
  | { type: "end" };

export type FromWorker =
  | { type: "free"; bytes: Uint8Array<ArrayBuffer> }
  | { type: "done" }
  | { type: "failed"; error: PlainError };

/** An error as it crosses the thread: a Failure has a code of berth's, a system error one of errno. */
export interface PlainError {
  message: string;
  isFailure: boolean;
  code?: Code | string | undefined;
  hint?: string | undefined;
  stack?: string | undefined;
}
