/**
 * What happens while it happens. The use cases call `report(event)`; only output/ draws events, as a progress line on a
 * terminal or as NDJSON. An event is plain data: it can cross a thread or a pipe.
 */
export type Event =
  /** A reference was resolved to the digest of the image manifest that will be used. */
  | { type: "resolved"; reference: string; digest: string }
  /** A layer moved on. `received` and `size` are bytes of the blob as transferred. */
  | {
      type: "layer";
      digest: string;
      size: number;
      received: number;
      state: "present" | "receiving" | "stored";
    }
  /** A use case entered a step: `pull`, `checkout`, `stage`, `activate`, `start`, `stop`, `undo`. */
  | { type: "step"; step: string; name: string }
  /** Another command holds a lock that this one needs; said once, after a second. */
  | { type: "waiting"; lock: string; holder: string | undefined }
  /** From here on the terminal is another program's: what is drawn must be off it. */
  | { type: "handover" }
  | { type: "warning"; message: string }
  /** A change of a container goes on record: it began, or how it ended. `code` is that of the failure. */
  | {
      type: "change";
      change: Change;
      name: string;
      result: "begun" | "done" | "failed";
      deployment?: number | undefined;
      digest?: string | undefined;
      code?: string | undefined;
    };

/** What is done to a container. */
export type Change =
  | "install"
  | "uninstall"
  | "update"
  | "rollback"
  | "recover"
  | "order"
  | "pin"
  | "unpin"
  | "hold"
  | "unhold"
  | "auto-update"
  | "no-auto-update";

export type Report = (event: Event) => void;
