import { describe, expect, test } from "vitest";
import { orderDirectives } from "../../../src/deploy/order.ts";
import { replaceOrder, replaceWantedBy } from "../../../src/deploy/order-files.ts";

const NONE = { after: [], before: [], requires: [], wants: [], partOf: [] };
const HEAD = "# Written by berth.\n[Unit]\nRequiresMountsFor=/var/lib/berth\n";
const TAIL = "\n[Service]\nAfter=not-an-order\nKillMode=mixed\n";

describe("replaceOrder()", () => {
  const one = orderDirectives({ ...NONE, after: ["etcd"] });
  const other = orderDirectives({ ...NONE, requires: ["db"], before: ["web"] });
  const none = orderDirectives(NONE);
  const withOne = `${HEAD}Wants=etcd.service\nAfter=etcd.service\n${TAIL}`;
  const withOther = `${HEAD}Requires=db.service\nAfter=db.service\nBefore=web.service\n${TAIL}`;

  test.each([
    ["gives an order to a drop-in without", `${HEAD}${TAIL}`, none, one, withOne],
    ["puts another in its place", withOne, one, other, withOther],
    ["takes it away", withOther, other, none, `${HEAD}${TAIL}`],
    [
      "keeps lines that are not of the order",
      `${HEAD}After=x.service\n${TAIL}`,
      one,
      none,
      `${HEAD}After=x.service\n${TAIL}`,
    ],
    [
      "makes a missing section",
      "[Service]\nA=b\n",
      none,
      one,
      "[Service]\nA=b\n\n[Unit]\nWants=etcd.service\nAfter=etcd.service\n",
    ],
  ])("%s", (_, text, from, to, expected) => {
    expect(replaceOrder(text, { from, to })).toBe(expected);
  });
});

test("replaceWantedBy() changes that line of [Install] alone", () => {
  const unit = "[Unit]\nWantedBy=odd\n\n[Install]\nWantedBy=multi-user.target\nAlso=x.socket\n";
  expect(replaceWantedBy(unit, ["docker.service", "b.target"])).toBe(
    "[Unit]\nWantedBy=odd\n\n[Install]\nWantedBy=docker.service b.target\nAlso=x.socket\n",
  );
});
