import { appendFileSync, existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../errors.ts";

/**
 * What a pull relies on while it receives layers, without a lock of the store: file names in its stage, for a prune to keep.
 *
 *   claim         layers and blobs that it will not bring itself
 *   N.reused      objects that its N-th layer has too, and that were in the store when it came by
 *   undisturbed   goes before objects are removed: one may be needed since the prune looked, so the pull looks again
 */
export interface Claim {
  /** Hex of diffIDs. */
  layers: string[];
  /** Hex of digests. */
  blobs: string[];
}

export interface Claims {
  layers: Set<string>;
  blobs: Set<string>;
  objects: Set<string>;
}

const CLAIM = "claim";
const REUSED = ".reused";
const UNDISTURBED = "undisturbed";

/** The caller holds the lock of the store, so that what it saw there is there still. */
export function writeClaim(stage: string, claim: Claim): void {
  writeFileSync(join(stage, CLAIM), JSON.stringify(claim), { mode: 0o600 });
  writeFileSync(join(stage, UNDISTURBED), "", { mode: 0o600 });
}

/** The path that `noteReused` writes to for the N-th layer of a stage. */
export function reusedPath(stage: string, n: number): string {
  return join(stage, `${n}${REUSED}`);
}

/** Notes names of objects; lost in a crash, like the pull. */
export function noteReused(path: string, names: readonly string[]): void {
  if (names.length > 0) appendFileSync(path, names.map((name) => `${name}\n`).join(""), { mode: 0o600 });
}

/** Whether objects were removed since the claim was written. */
export function isDisturbed(stage: string): boolean {
  return !existsSync(join(stage, UNDISTURBED));
}

/** To be called before objects are removed, under the exclusive lock of the store. Needs no space. */
export function disturb(stages: readonly string[]): void {
  for (const stage of stages) {
    try {
      unlinkSync(join(stage, UNDISTURBED));
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error; // no pull's, or over
    }
  }
}

/** All that the owners of these stages rely on. */
export function readClaims(stages: readonly string[]): Claims {
  const claims: Claims = { layers: new Set(), blobs: new Set(), objects: new Set() };
  for (const stage of stages) {
    const { layers, blobs } = readClaim(stage);
    for (const layer of layers) claims.layers.add(layer);
    for (const blob of blobs) claims.blobs.add(blob);
    for (const file of filesOf(stage)) {
      if (!file.endsWith(REUSED)) continue;
      for (const name of (read(stage, file) ?? "").split("\n")) claims.objects.add(name);
    }
  }
  return claims;
}

/** One that is not whole is of a pull that died, or is about to. */
function readClaim(stage: string): Claim {
  try {
    return JSON.parse(read(stage, CLAIM) ?? "") as Claim;
  } catch (error) {
    if (error instanceof SyntaxError) return { layers: [], blobs: [] };
    throw error;
  }
}

function filesOf(stage: string): string[] {
  return unlessGone(() => readdirSync(stage)) ?? [];
}

function read(stage: string, file: string): string | undefined {
  return unlessGone(() => readFileSync(join(stage, file), "utf8"));
}

/** A stage may be removed by its owner at any time. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
