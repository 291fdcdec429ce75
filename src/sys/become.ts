/**
 * This process becomes another program: execve(2), which Node lacks. Standard input, output and error, the terminal and the
 * process id are the program's own then, and so are its exit status and the signals it gets.
 */
import { accessSync, constants, openSync, statSync, unlinkSync, writeSync } from "node:fs";
import { lastError, native } from "./libc.ts";

const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const SIG_DFL = 0;
/** Node ignores them, and an ignored signal stays ignored. */
const IGNORED = [13 /* SIGPIPE */, 25 /* SIGXFSZ */];

const fcntl = native("int fcntl(int fd, int command, long argument)");
const execve = native("int execve(const char *path, const char **argv, const char **env)");
const signal = native("intptr_t signal(int number, intptr_t handler)");

/** Does not return. `env` is `NAME=VALUE`. Throws what execve(2) says when the program cannot be run. */
export function become(
  program: string,
  { argv, env }: { argv: readonly string[]; env: readonly string[] },
): never {
  for (const number of IGNORED) signal(number, SIG_DFL);
  for (const fd of [0, 1, 2]) {
    // Node closes them on exec, and makes pipes non-blocking for everybody who has them open.
    fcntl(fd, F_SETFD, 0);
    const flags = fcntl(fd, F_GETFL, 0);
    if (flags !== -1) fcntl(fd, F_SETFL, flags & ~constants.O_NONBLOCK);
  }
  execve(program, [...argv, null], [...env, null]);
  throw lastError({ syscall: "execve", path: Buffer.from(program) });
}

/** A path at which the program that this process becomes can read `text` once; no file is left of it. */
export function inheritText(text: string): string {
  const name = `/run/.berth-${process.pid}`;
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
  const fd = openSync(name, flags, 0o600);
  unlinkSync(name);
  writeSync(fd, text);
  fcntl(fd, F_SETFD, 0);
  return `/proc/self/fd/${fd}`;
}

/** Where `program` is found by `path`, a PATH; undefined where it is not. A name with a slash is taken as it is. */
export function findExecutable(program: string, path: string): string | undefined {
  const candidates = program.includes("/")
    ? [program]
    : path.split(":").map((directory) => `${directory === "" ? "." : directory}/${program}`);
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false; // absent, or not for us
    }
  });
}
