import { createHash } from "node:crypto";
import { Failure } from "../errors.ts";
import { type Digest, digestAlgorithm, digestHex } from "./digest.ts";

/**
 * The bytes of `source`, checked as they pass: stops at the first byte beyond `size` (SIZE_MISMATCH), and at the end throws
 * SIZE_MISMATCH or DIGEST_MISMATCH with what was expected and what came. A consumer may use the bytes only when the
 * iteration has ended without an error. `what` names the content in messages.
 */
export async function* verifyStream(
  source: AsyncIterable<Uint8Array>,
  { digest, size, what }: { digest: Digest; size: number; what: string },
): AsyncGenerator<Uint8Array> {
  const hash = createHash(digestAlgorithm(digest));
  let received = 0;
  for await (const chunk of source) {
    received += chunk.length;
    if (received > size)
      throw new Failure("SIZE_MISMATCH", `${what} is larger than its ${size} bytes`, { hint: DAMAGED });
    hash.update(chunk);
    yield chunk;
  }
  if (received !== size)
    throw new Failure("SIZE_MISMATCH", `${what} has ${received} bytes, expected ${size}`, { hint: DAMAGED });
  const actual = hash.digest("hex");
  if (actual !== digestHex(digest))
    throw new Failure(
      "DIGEST_MISMATCH",
      `${what} is ${digestAlgorithm(digest)}:${actual}, expected ${digest}`,
      { hint: DAMAGED },
    );
}

const DAMAGED =
  "The image is damaged where it came from, or something on the way changed it: try again, then push it again.";
