/** Verbs that show what the command line does, and a world that collects what it writes. */
import type { Context, Handler, Verb } from "../../src/commands/command.ts";
import { Failure } from "../../src/errors.ts";
import type { Sink } from "../../src/output/reporter.ts";
import type { World } from "../../src/run.ts";
import { line, table, type View } from "../../src/view.ts";

export function verbOf(name: string, handler: Handler, more: Partial<Verb> = {}): Verb {
  return {
    name,
    summary: `The verb ${name}`,
    arguments: [],
    options: [],
    examples: [{ command: `berth ${name}`, text: `an example of ${name}` }],
    load: async () => handler,
    ...more,
  };
}

/** Its result is what it was called with. */
const echo = verbOf(
  "echo",
  {
    run: async ({ config, globals, personality }: Context, args: string[], options: object) => ({
      args,
      options,
      globals,
      personality,
      state: config.state,
    }),
    view: ({ args }: { args: string[] }): View => [
      table(
        [{ title: "WORD" }],
        args.map((word) => [word]),
      ),
    ],
    exitStatus: ({ args }: { args: string[] }) => (args.includes("three") ? 3 : 0),
  },
  {
    aliases: ["say"],
    arguments: ["[words...]"],
    options: [
      { flags: "-n, --name <name>", description: "text" },
      { flags: "--list <item>", kind: "list", description: "list" },
      { flags: "--set <name=value>", kind: "pairs", description: "pairs" },
      { flags: "--count <count>", kind: "number", default: 7, description: "number" },
      { flags: "--tls <bool>", kind: "boolean", description: "boolean" },
      { flags: "--dry-run", description: "flag" },
      { flags: "--no-start", description: "negated flag" },
      { flags: "--notify", description: "flag with a negation" },
      { flags: "--no-notify", description: "its negation" },
    ],
  },
);

const fail = verbOf(
  "fail",
  {
    async run(_context: Context, [code]: string[]): Promise<object> {
      const cause = new Error("connect ECONNREFUSED", { cause: new Error("\x1b[31mport 5000") });
      if (code === "bug") throw new TypeError("x is not a function");
      if (code === "crash") void Promise.reject(new Error("nobody waits for this"));
      if (code === "crash") return new Promise(() => {});
      throw new Failure(code === "gone" ? "NOT_INSTALLED" : "REGISTRY_UNREACHABLE", "cannot pull etcd", {
        hint: "start the registry",
        cause,
      });
    },
    view: (): View => [],
  },
  { arguments: ["[code]"], exitStatuses: { NOT_INSTALLED: 4 } },
);

/** Waits until it is interrupted, takes its time to undo, and tells how. */
const wait = verbOf("wait", {
  async run({ signal, report }: Context): Promise<object> {
    report({ type: "step", step: "pull", name: "etcd" });
    report({ type: "warning", message: "waiting" });
    const timer = setInterval(() => {}, 1000);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    await new Promise((resolve) => setTimeout(resolve, 300));
    clearInterval(timer);
    report({ type: "warning", message: "undone" });
    throw new Failure("JOB_FAILED", "cannot go on", { cause: signal.reason });
  },
  view: (): View => [],
});

/** One item after the other, without an end. */
const stream = verbOf("stream", {
  async *run({ signal }: Context): AsyncGenerator<object> {
    for (let number = 0; !signal.aborted; number += 1) {
      yield { number };
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
  view: ({ number }: { number: number }): View => [line(`item ${number}`)],
});

export const testVerbs: readonly Verb[] = [echo, fail, wait, stream];

/** A sink that keeps what is written. */
export function collectingSink(more: Partial<Sink> = {}): Sink & { text(): string } {
  const written: string[] = [];
  return { ...more, write: (text) => written.push(text), text: () => written.join("") };
}

/** A world without a terminal whose output is kept. */
export function collectingWorld(more: Partial<World> = {}): {
  world: World;
  stdout(): string;
  stderr(): string;
} {
  const stdout = collectingSink();
  const stderr = collectingSink();
  const { signal } = new AbortController();
  const world: World = { stdout, stderr, env: {}, signal, personality: "berth", verbs: testVerbs, ...more };
  return { world, stdout: stdout.text, stderr: stderr.text };
}
