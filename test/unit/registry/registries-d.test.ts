import { expect, test } from "vitest";
import { parseReference } from "../../../src/oci/reference.ts";
import type { RegistryReference } from "../../../src/oci/registry-reference.ts";
import {
  lookasideOf,
  mergeRegistriesD,
  parseRegistriesD,
  usesAttachments,
} from "../../../src/registry/registries-d.ts";
import { failureOf } from "../../support/failures.ts";

const image = (typed: string): RegistryReference => parseReference(typed) as RegistryReference;
const CONF = parseRegistriesD(
  {
    "default-docker": { sigstore: "file:///default" },
    docker: {
      "a.io/x/y:1": { lookaside: "https://tag" },
      "a.io/x": {
        lookaside: "https://x",
        "lookaside-staging": "file:///staging",
        "use-sigstore-attachments": true,
      },
      "a.io": { "use-sigstore-attachments": false, sigstore: "https://old", lookaside: "https://new" },
      "*.b.io": { "sigstore-staging": "file:///b" },
      "c.io": null,
    },
  },
  "test.yaml",
);

test.each([
  ["a.io/x/y:1", "https://tag", "https://tag", true],
  ["a.io/x/y:2", "https://x", "file:///staging", true],
  ["a.io/z", "https://new", "https://new", false],
  ["s.b.io/z", "file:///default", "file:///b", false],
  ["c.io/z", "file:///default", "file:///default", false],
])("registries.d for %s: read at %s, written at %s, attachments %s", (typed, read, write, attachments) => {
  expect(lookasideOf(CONF, image(typed), { write: false })).toBe(read);
  expect(lookasideOf(CONF, image(typed), { write: true })).toBe(write);
  expect(usesAttachments(CONF, image(typed))).toBe(attachments);
});

test("parseRegistriesD takes an empty file, and names what is wrong in another", async () => {
  expect(parseRegistriesD(null, "x.yaml").scopes.size).toBe(0);
  for (const [yaml, says] of [
    ["text", "x.yaml: it is not a map"],
    [{ docker: { "a.io": { lookaside: 1 } } }, "x.yaml: a.io: lookaside is not text"],
    [{ docker: { "a.io": { "use-sigstore-attachments": "yes" } } }, "is not true or false"],
  ] as const) {
    const failure = await failureOf(() => parseRegistriesD(yaml, "x.yaml"));
    expect([failure.code, failure.message]).toEqual(["CONFIG_INVALID", expect.stringContaining(says)]);
  }
});

test("mergeRegistriesD refuses a scope, or a default, that two files define", async () => {
  const other = (yaml: object): (() => unknown) => {
    return () => mergeRegistriesD(CONF, parseRegistriesD(yaml, "b.yaml"), "b.yaml");
  };
  expect((await failureOf(other({ docker: { "a.io": {} } }))).message).toContain("a.io is defined in b.yaml");
  expect((await failureOf(other({ "default-docker": {} }))).message).toContain("default-docker is defined");
  expect(other({ docker: { "d.io": {} } })()).toMatchObject({ default: CONF.default });
});
