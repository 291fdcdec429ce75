/**
 * The one error class a user of berth can meet. A code is stable and part of the interface (scripts match on it);
 * message and hint are for people. Errors of the programmer stay plain `Error`.
 */

/** Codes that berth itself gives. */
export type BerthCode =
  | "USAGE"
  | "REFERENCE_INVALID"
  | "NAME_INVALID"
  | "NAME_TAKEN"
  | "NAME_AMBIGUOUS"
  | "NOT_INSTALLED"
  | "IMAGE_UNKNOWN"
  | "NOT_MOUNTED"
  | "REGISTRY_UNREACHABLE"
  | "MANIFEST_INVALID"
  | "DIGEST_MISMATCH"
  | "SIZE_MISMATCH"
  | "LAYER_INVALID"
  | "LAYER_UNSAFE"
  | "POLICY_REJECTED"
  | "SIGNATURE_INVALID"
  | "STORE_LOCKED"
  | "STORE_FORMAT"
  | "STORE_CORRUPT"
  | "NO_SPACE"
  | "VALUE_MISSING"
  | "TEMPLATE_INVALID"
  | "CONFIG_INVALID"
  | "HOST_FILE_CONFLICT"
  | "ORDER_CYCLE"
  | "RUNTIME_MISSING"
  | "RUNTIME_UNSUPPORTED"
  | "UNIT_INVALID"
  | "JOB_FAILED"
  | "UNHEALTHY"
  | "UPDATE_ROLLED_BACK"
  | "HOOK_FAILED"
  | "REQUIRED"
  | "NO_PREVIOUS"
  | "COMMAND_NOT_FOUND"
  | "BUSY"
  | "INTERRUPTED"
  | "NOT_ROOT"
  | "NO_SYSTEMD";

/** Codes a registry gives in its answers (OCI distribution-spec, "Error Codes"). */
export type RegistryCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_UNKNOWN"
  | "REPOSITORY_NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "UNAUTHORIZED"
  | "DENIED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS";

export type Code = BerthCode | RegistryCode;

export interface FailureDetails {
  /** What the user can do about it: one sentence. */
  hint?: string | undefined;
  cause?: unknown;
}

export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: Code;
  readonly hint: string | undefined;

  constructor(code: Code, message: string, { hint, cause }: FailureDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** Whether `error` is a Failure, of the given code where one is named. */
export function isFailure(error: unknown, code?: Code): error is Failure {
  return error instanceof Failure && (code === undefined || error.code === code);
}

/** Whether `error` is a system error (ENOENT, EEXIST, ...) of the given code. */
export function isErrno(error: unknown, code: string): error is NodeJS.ErrnoException {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

/** The exit status of a command that was interrupted, whatever by. */
export const INTERRUPTED = 130;

/** The exit status of the command that ends with `error`: 2 usage, 130 interrupted, else 1. */
export function exitStatus(error: unknown): number {
  if (isFailure(error, "USAGE")) return 2;
  if (isFailure(error, "INTERRUPTED")) return INTERRUPTED;
  return 1;
}

/** The messages of the errors that led to `error`, nearest first, without its own; one of several lines gives several. */
export function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  let at = error instanceof Error ? error.cause : undefined;
  while (at !== undefined && causes.length < 64) {
    causes.push(...(at instanceof Error ? at.message : String(at)).split("\n"));
    at = at instanceof Error ? at.cause : undefined;
  }
  return causes;
}
