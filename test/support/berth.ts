/** Commands of berth run in this process, on a store of their own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verbs } from "../../src/commands/verbs.ts";
import { run } from "../../src/run.ts";
import type { Personality } from "../../src/view.ts";
import { collectingWorld } from "./cli.ts";

export interface Answer {
  status: number;
  stdout: string;
  stderr: string;
}

export class Berth {
  /** A directory for the test's own files; removed by `close`. */
  readonly dir: string;
  readonly #globals: string[];

  /** With `root`, the configuration of that tree counts (insecureRoot of registry.ts makes one). */
  static async open({ root }: { root?: string } = {}): Promise<Berth> {
    return new Berth(await mkdtemp(join(tmpdir(), "berth-verbs-")), root);
  }

  /** On the store that an earlier one left in `dir`. */
  static at(dir: string, { root }: { root?: string } = {}): Berth {
    return new Berth(dir, root);
  }

  private constructor(dir: string, root: string | undefined) {
    this.dir = dir;
    this.#globals = ["--state", join(dir, "state"), ...(root === undefined ? [] : ["--root", root])];
  }

  /** As `atomic`. */
  async atomic(...argv: string[]): Promise<Answer> {
    return this.#run(argv, "atomic");
  }

  /** What people see. */
  async run(...argv: string[]): Promise<Answer> {
    return this.#run(["--quiet", ...argv], "berth");
  }

  /** What people see of a command that succeeds; an error with what it said otherwise. */
  async succeed(...argv: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(...argv);
    if (status !== 0) throw new Error(`berth ${argv.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** The document of a command that succeeds; an error with what it said otherwise. */
  async json<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
    const { status, stdout, stderr } = await this.run("--json", ...argv);
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as T;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  async #run(argv: readonly string[], personality: Personality): Promise<Answer> {
    const { world, stdout, stderr } = collectingWorld({ verbs, env: {}, personality });
    const status = await run([...this.#globals, ...argv], world);
    return { status, stdout: stdout(), stderr: stderr() };
  }

  async close(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}
