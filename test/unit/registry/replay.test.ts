import { expect, test } from "vitest";
import { Replay } from "../../../src/registry/replay.ts";

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of source) text += Buffer.from(chunk).toString();
  return text;
}

test("Replay: the content, in parts and again from any place that is kept", async () => {
  const replay = new Replay(pieces("abc", "", "def", "ghi"), { bytes: 100 });
  expect(await textOf(replay.from(0, 4))).toBe("abcd");
  expect(await textOf(replay.from(4, 6))).toBe("ef");
  expect(await textOf(replay.from(2))).toBe("cdefghi");
  expect(await textOf(replay.from(9))).toBe("");
});

test("Replay keeps at least the bytes it was told, and no more than a piece beyond", async () => {
  const replay = new Replay(pieces("abc", "def", "ghi", "jkl"), { bytes: 4 });
  await textOf(replay.from(0));
  expect([5, 6, 12].map((offset) => replay.covers(offset))).toEqual([false, true, true]);
  expect(await textOf(replay.from(7))).toBe("hijkl");
});

test("Replay: a reader that was left standing takes nothing away", async () => {
  const replay = new Replay(pieces("abc", "def"), { bytes: 100 });
  const left = replay.from(0);
  await left.next();
  const pending = left.next();
  expect(await textOf(replay.from(0))).toBe("abcdef");
  await pending;
});

test("Replay: what the source ends with is kept, and ends every reader", async () => {
  const replay = new Replay(
    (async function* () {
      yield Buffer.from("a");
      throw new Error("damaged");
    })(),
    { bytes: 100 },
  );
  await expect(textOf(replay.from(0))).rejects.toThrow("damaged");
  expect(replay.error).toMatchObject({ message: "damaged" });
});

test("Replay: close lets go of the source", async () => {
  let closed = false;
  const source = (async function* () {
    try {
      for (;;) yield Buffer.from("a");
    } finally {
      closed = true;
    }
  })();
  const replay = new Replay(source, { bytes: 10 });
  await textOf(replay.from(0, 3));
  await replay.close();
  expect(closed).toBe(true);
});
