/** A command at a terminal of its own, which util-linux's script(1) makes. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Session {
  /** All that the terminal showed. */
  shown: string;
  status: number;
}

/** Types each answer when its question has been shown. */
export async function atTerminal(
  argv: readonly string[],
  answers: readonly (readonly [question: string, typed: string])[],
): Promise<Session> {
  const command = argv.map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    stdio: "pipe",
  });
  let shown = "";
  let left = [...answers];
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    const [next] = left;
    if (next === undefined || !shown.includes(next[0])) return;
    left = left.slice(1);
    child.stdin.write(next[1]);
  });
  const [status] = (await once(child, "close")) as [number];
  return { shown, status };
}
