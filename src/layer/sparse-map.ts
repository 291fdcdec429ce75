import { Failure } from "../errors.ts";

/** A run of data in a sparse file; what lies between is zeros. */
export interface SparseRun {
  offset: number;
  length: number;
}

/**
 * Parses the map at the head of a PAX sparse 1.0 file: decimal numbers, each with a newline: how many runs,
 * then offset and length of each. Undefined when `bytes` ends before the map does. LAYER_INVALID unless the
 * runs ascend within `size` bytes.
 */
export function parseSparseMap(bytes: Buffer, size: number): SparseRun[] | undefined {
  let at = 0;
  const next = (): number | undefined => {
    const end = bytes.indexOf(0x0a, at);
    if (end === -1 ? bytes.length - at > 16 : end - at > 16) throw invalid("a number is too long");
    if (end === -1) return undefined;
    const text = bytes.toString("latin1", at, end);
    if (!/^[0-9]+$/.test(text)) throw invalid("not a number");
    at = end + 1;
    return Number(text);
  };
  const count = next();
  if (count === undefined) return undefined;
  const runs: SparseRun[] = [];
  let end = 0;
  for (let run = 0; run < count; run++) {
    const offset = next();
    const length = offset === undefined ? undefined : next();
    if (offset === undefined || length === undefined) return undefined;
    if (offset < end || offset + length > size) throw invalid("runs overlap or exceed the file");
    end = offset + length;
    if (length > 0) runs.push({ offset, length });
  }
  return runs;
}

function invalid(reason: string): Failure {
  return new Failure("LAYER_INVALID", `sparse map: ${reason}`);
}
