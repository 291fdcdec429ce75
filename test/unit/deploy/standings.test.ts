import { describe, expect, test } from "vitest";
import { nextNumber, type Standing, stayingBeside } from "../../../src/deploy/standings.ts";

function standing(number: number, more: Partial<Standing> = {}): Standing {
  return {
    number,
    current: false,
    previous: false,
    pinned: false,
    used: false,
    activated: `2026-01-0${number + 1}`,
    ...more,
  };
}

const CURRENT_0 = standing(0, { current: true });
const CURRENT_1 = standing(1, { current: true });

describe("nextNumber()", () => {
  test.each<[string, Standing[], number, number]>([
    ["of nothing", [], 2, 0],
    ["beside a first deployment", [CURRENT_0], 2, 1],
    ["of two that take turns", [standing(0), CURRENT_1], 2, 0],
    ["of three that are kept", [standing(0), CURRENT_1], 3, 2],
    ["beside a pinned one", [standing(0, { pinned: true }), CURRENT_1], 2, 2],
    ["beside one in use", [standing(0, { used: true }), CURRENT_1], 2, 2],
    ["with keep 1 beside the current one alone", [standing(0), CURRENT_1], 1, 0],
  ])("%s", (_, standings, keep, expected) => {
    expect(nextNumber(standings, keep)).toBe(expected);
  });
});

test("stayingBeside() keeps the newest of those that may go", () => {
  const standings = [standing(0), standing(1), standing(2), standing(3, { current: true })];
  expect([...stayingBeside(standings, 3)].sort()).toEqual([2, 3]);
});

test("stayingBeside() keeps the current one whatever the number to keep", () => {
  expect([...stayingBeside([CURRENT_0, standing(1)], 0)]).toEqual([0]);
});
