import { expect, test } from "vitest";
import { resolveImageUser } from "../../../src/oci/image-user.ts";

const FILES = {
  passwd:
    "root:x:0:0:root:/root:/bin/sh\npostgres:x:999:998::/var/lib/postgresql:/bin/bash\nbroken\nbad:x:x:1::/:/\n",
  group: "root:x:0:\npostgres:x:998:\nssl-cert:x:104:postgres,other\n",
};

test.each([
  [undefined, { uid: 0, gid: 0, additionalGids: [], home: "/root" }],
  ["", { uid: 0, gid: 0, additionalGids: [], home: "/root" }],
  ["postgres", { uid: 999, gid: 998, additionalGids: [104], home: "/var/lib/postgresql" }],
  ["999", { uid: 999, gid: 998, additionalGids: [104], home: "/var/lib/postgresql" }],
  ["postgres:ssl-cert", { uid: 999, gid: 104, additionalGids: [], home: "/var/lib/postgresql" }],
  ["postgres:", { uid: 999, gid: 998, additionalGids: [104], home: "/var/lib/postgresql" }],
  ["7:8", { uid: 7, gid: 8, additionalGids: [], home: "/" }],
  ["7", { uid: 7, gid: 0, additionalGids: [], home: "/" }],
  [":104", { uid: 0, gid: 104, additionalGids: [], home: "/root" }],
])("resolveImageUser() resolves %j in the image's own files", (spec, expected) => {
  expect(resolveImageUser(spec, FILES)).toEqual(expected);
});

test("resolveImageUser() needs no files for numbers", () => {
  expect(resolveImageUser("1:2", { passwd: "", group: "" })).toEqual({
    uid: 1,
    gid: 2,
    additionalGids: [],
    home: "/",
  });
});

test.each(["nobody", "postgres:nogroup", "bad", "2147483648", "1:4294967296", "-1", "1e3", " 1"])(
  "resolveImageUser() refuses %j rather than run as root",
  (spec) => {
    expect(() => resolveImageUser(spec, FILES)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  },
);
