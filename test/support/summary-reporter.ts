/**
 * A vitest reporter that adds up passed, failed and skipped tests per project and writes them, as JSON, to the file that
 * BERTH_SUMMARY names. A test file that does not load counts as one failure.
 */
import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Counts by the name of the project. */
export type Summary = Record<string, Counts>;

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const file = process.env["BERTH_SUMMARY"];
    if (file) writeFileSync(file, JSON.stringify(summarize(modules)));
  }
}

function summarize(modules: readonly TestModule[]): Summary {
  const summary: Summary = {};
  for (const module of modules) {
    summary[module.project.name] ??= { passed: 0, failed: 0, skipped: 0 };
    const counts = summary[module.project.name] as Counts;
    const before = counts.failed;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      counts[state === "pending" ? "failed" : state] += 1;
    }
    if (module.state() === "failed" && counts.failed === before) counts.failed += 1;
  }
  return summary;
}
