/** Ports of 127.0.0.1, and child processes that listen on them. */
import type { ChildProcess } from "node:child_process";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when something listens; ends the child, and says what it said, when it does not in 10 seconds. */
export async function untilListening(
  port: number,
  { child, what }: { child: ChildProcess; what: string },
): Promise<void> {
  const said: Buffer[] = [];
  child.stderr?.on("data", (chunk: Buffer) => said.push(chunk));
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) break;
    if (await isListening(port)) return;
    await sleep(25);
  }
  child.kill();
  throw new Error(`${what} does not listen: ${Buffer.concat(said).toString()}`);
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const connected = await new Promise<boolean>((resolve) => {
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
  });
  socket.destroy();
  return connected;
}
