import { defineConfig } from "vitest/config";

/** Under BERTH_REQUIRE a test that is left out is a failure: `only` is refused here, skipped tests by scripts/run-tests.ts. */
const allowOnly = !process.env["BERTH_REQUIRE"] && !process.env["CI"];

export default defineConfig({
  test: {
    allowOnly,
    reporters: ["default", "./test/support/summary-reporter.ts"],
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 30_000 } },
      { test: { name: "integration", include: ["test/integration/**/*.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          name: "system",
          include: ["test/system/**/*.test.ts"],
          globalSetup: ["test/support/lab/system-setup.ts"],
          fileParallelism: false,
          // Whole machines boot and time out here: what fails twice is broken, what fails once met a busy host.
          retry: 1,
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "vm",
          include: ["test/vm/**/*.test.ts"],
          globalSetup: ["test/support/lab/vm-setup.ts"],
          fileParallelism: false,
          // Everything is emulated there: a boot takes half a minute on an idle machine.
          testTimeout: 1_200_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: "system-13",
          include: [
            "systemd-bus",
            "order",
            "order-cycle",
            "order-verbs",
            "runtimes",
            "running",
            "limits",
            "exports",
          ].map((name) => `test/system/${name}.test.ts`),
          globalSetup: ["test/support/lab/system-13-setup.ts"],
          fileParallelism: false,
          // Whole machines boot and time out here: what fails twice is broken, what fails once met a busy host.
          retry: 1,
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
