/** A terminal session, shown as it happens: what is typed, what is answered. */
import { styleText } from "node:util";
import type { RunResult } from "../test/support/lab/machine.ts";

/** What an answer must hold to be right. */
export type Expected = RegExp | { status: number };

export class Terminal {
  readonly #shell: (line: string) => Promise<RunResult>;

  /** `shell` runs one line and gives its answer. */
  constructor(shell: (line: string) => Promise<RunResult>) {
    this.#shell = shell;
  }

  /** Says what comes next, in lines. */
  say(...lines: string[]): void {
    process.stdout.write(`\n${lines.map((line) => `${styleText("dim", `# ${line}`)}\n`).join("")}`);
  }

  /**
   * Types a line, shows the answer and gives it.
   * @throws Error when the status is not 0 (or the one expected) or the answer does not hold what it should.
   */
  async type(line: string, expected: Expected = { status: 0 }): Promise<string> {
    process.stdout.write(`${styleText("bold", `$ ${line}`)}\n`);
    const { stdout, stderr, exitCode } = await this.#shell(line);
    const answer = [stdout, stderr].filter((text) => text !== "").join("\n");
    if (answer !== "") process.stdout.write(`${answer}\n`);
    const status = expected instanceof RegExp ? 0 : expected.status;
    if (exitCode !== status) throw new Error(`\`${line}\` ended with status ${exitCode}, not ${status}`);
    if (expected instanceof RegExp && !expected.test(answer)) {
      throw new Error(`the answer of \`${line}\` does not show ${expected}`);
    }
    return answer;
  }
}
