import { describe, expect, test } from "vitest";
import { healthOf } from "../../../src/deploy/health.ts";

const DAY = 86_400e9;
const image = {
  healthcheck: { test: ["CMD", "/check"], interval: DAY, timeout: 30 * DAY, startPeriod: DAY, retries: 1000 },
};

describe("healthOf()", () => {
  test("an image has nobody wait for more than an hour, nor for one probe", () => {
    expect(healthOf({}, { image, notify: false })).toMatchObject({ limit: 3600, timeout: 3600 });
  });

  test("the admin's own limit counts as it is", () => {
    expect(healthOf({ limit: 7200 }, { image, notify: false })).toMatchObject({ limit: 7200 });
  });
});
