import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isThere, namesIn, textIfThere } from "../../../src/sys/if-there.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

test("isThere() sees a broken link, and nothing below a file", async () => {
  const dir = await temporaryDirectory("if-there");
  await writeFile(join(dir, "file"), "text");
  await symlink("nowhere", join(dir, "broken"));
  const seen = await Promise.all(
    ["file", "broken", "none", "file/below"].map((name) => isThere(join(dir, name))),
  );
  expect(seen).toEqual([true, true, false, false]);
});

test("namesIn() and textIfThere() have nothing to tell of what is not there, and fail for what is something else", async () => {
  const dir = await temporaryDirectory("if-there");
  await writeFile(join(dir, "file"), "text");
  expect(await namesIn(dir)).toEqual(["file"]);
  expect(await namesIn(join(dir, "none"))).toEqual([]);
  await expect(namesIn(join(dir, "file"))).rejects.toMatchObject({ code: "ENOTDIR" });
  expect(await textIfThere(join(dir, "file"))).toBe("text");
  expect(await textIfThere(join(dir, "none"))).toBeUndefined();
  await expect(textIfThere(dir)).rejects.toMatchObject({ code: "EISDIR" });
});
