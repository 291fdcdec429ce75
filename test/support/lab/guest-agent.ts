/**
 * Commands in a virtual machine, by the QEMU guest agent there: JSON lines over a serial port of its own, which qemu shows as a socket.
 * It needs no network, no login and no console. https://www.qemu.org/docs/master/interop/qemu-ga-ref.html
 */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunResult } from "./machine.ts";

/** Milliseconds between two looks whether a command has ended. */
const EVERY = 100;

/** Whether the agent answers within a second. */
export async function agentAnswers(path: string): Promise<boolean> {
  try {
    const agent = await openAgent(path, 1000);
    agent.close();
    return true;
  } catch {
    return false;
  }
}

/** Runs a command, whose first word is a path; all that it says is kept until it ends. */
export async function runByAgent(
  path: string,
  [program = "", ...arg]: readonly string[],
  { input, timeout }: { input: string; timeout: number },
): Promise<RunResult> {
  const agent = await openAgent(path, 30_000);
  try {
    const request = { path: program, arg, "input-data": base64(input), "capture-output": true };
    const { pid } = await agent.ask<{ pid: number }>("guest-exec", request);
    for (const deadline = Date.now() + timeout; Date.now() < deadline; await sleep(EVERY)) {
      const status = await agent.ask<ExecStatus>("guest-exec-status", { pid });
      if (status.exited) return resultOf(status);
    }
    throw new Error(`${program} ${arg.join(" ")}: has not ended within ${timeout} ms`);
  } finally {
    agent.close();
  }
}

interface ExecStatus {
  exited: boolean;
  exitcode?: number;
  signal?: number;
  "out-data"?: string;
  "err-data"?: string;
}

function resultOf(status: ExecStatus): RunResult {
  const text = (data = ""): string => Buffer.from(data, "base64").toString().replace(/\n$/, "");
  return {
    stdout: text(status["out-data"]),
    stderr: text(status["err-data"]),
    exitCode: status.exitcode ?? 128 + (status.signal ?? constants.signals.SIGKILL),
  };
}

interface Agent {
  ask<T>(execute: string, args: object): Promise<T>;
  close(): void;
}

/** Connects, and passes by what the agent still had to say to somebody before. It may take a while to notice that somebody is there. */
async function openAgent(path: string, patience: number): Promise<Agent> {
  const socket = connect(path);
  await once(socket, "connect");
  const lines = linesOf(socket);
  const say = (execute: string, args: object): void => {
    socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
  };
  const id = randomInt(2 ** 31);
  try {
    socket.write(Buffer.from([0xff]));
    say("guest-sync-delimited", { id });
    const deadline = Date.now() + patience;
    // The answer to it begins with 0xff, which no JSON holds.
    for (let line = ""; !line.includes("\xff") || !line.includes(String(id)); ) {
      line = await lines.next(deadline - Date.now());
    }
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return {
    async ask(execute, args) {
      say(execute, args);
      const answer = JSON.parse(await lines.next(60_000));
      if (answer.error !== undefined) throw new Error(`${execute}: ${answer.error.desc}`);
      return answer.return;
    },
    close: () => socket.destroy(),
  };
}

/** The lines that come, one after the other; they are ASCII. */
function linesOf(socket: Socket): { next(patience: number): Promise<string> } {
  const come: string[] = [];
  let rest = "";
  let ended: Error | undefined;
  let wake: (() => void) | undefined;
  socket.setEncoding("latin1").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    come.push(...parts);
    if (parts.length > 0) wake?.();
  });
  for (const event of ["close", "error"] as const) {
    socket.on(event, () => {
      ended ??= new Error("the virtual machine has gone");
      wake?.();
    });
  }
  return {
    async next(patience) {
      if (come.length === 0 && ended === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await Promise.race([promise, sleep(Math.max(0, patience), undefined, { ref: false })]);
        wake = undefined;
      }
      const line = come.shift();
      if (line !== undefined) return line;
      throw ended ?? new Error(`the agent of the virtual machine did not answer within ${patience} ms`);
    },
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
