import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { sha256 } from "../../../src/oci/digest.ts";
import { verifyStream } from "../../../src/oci/verified-stream.ts";
import { failureOf } from "../../support/failures.ts";

const CONTENT = Buffer.from("hello world");
const EXPECTED = { digest: sha256(CONTENT), size: CONTENT.length, what: "blob" };

async function* chunks(...parts: (string | Buffer)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function read(source: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts).toString();
}

test("verifyStream passes on what fits", async () => {
  expect(await read(verifyStream(chunks("hello", "", " world"), EXPECTED))).toBe("hello world");
  const sha512 = createHash("sha512").update(CONTENT).digest("hex");
  const expected = { ...EXPECTED, digest: `sha512:${sha512}` as const };
  expect(await read(verifyStream(chunks(CONTENT), expected))).toBe("hello world");
  const empty = { digest: sha256(Buffer.alloc(0)), size: 0, what: "blob" };
  expect(await read(verifyStream(chunks(), empty))).toBe("");
});

test.each([
  ["shorter", ["hello"], "SIZE_MISMATCH", "blob has 5 bytes, expected 11"],
  ["longer", ["hello world", "!"], "SIZE_MISMATCH", "blob is larger than its 11 bytes"],
  ["altered", ["hello worlD"], "DIGEST_MISMATCH", `expected ${EXPECTED.digest}`],
])("statement 3: verifyStream refuses %s content", async (_, parts, code, message) => {
  const failure = await failureOf(() => read(verifyStream(chunks(...parts), EXPECTED)));
  expect(failure.code).toBe(code);
  expect(failure.message).toContain(message);
});

test("statement 3: verifyStream stops an endless source at size+1 and closes it", async () => {
  let given = 0;
  let closed = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        given++;
        yield Buffer.from("x");
      }
    } finally {
      closed = true;
    }
  }
  const failure = await failureOf(() => read(verifyStream(endless(), EXPECTED)));
  expect(failure.code).toBe("SIZE_MISMATCH");
  expect(given).toBe(CONTENT.length + 1);
  expect(closed).toBe(true);
});
