/**
 * A fake org.freedesktop.systemd1 that speaks the protocol: on a dbus-daemon of its own, exported with dbus-next, or on a
 * private socket as pid 1 has it. It records the calls and behaves as ordered.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import dbus, { type Message, type MessageBus } from "dbus-next";
import compat from "dbus-next/lib/marshall-compat.js";
import wire from "dbus-next/lib/message.js";

const NAME = "org.freedesktop.systemd1";
const ALLOW_REPLACEMENT = 1;
const REPLACE_EXISTING = 2;
const MANAGER_PATH = "/org/freedesktop/systemd1";
const MANAGER = "org.freedesktop.systemd1.Manager";

interface RecordedCall {
  member: string;
  path: string;
  body: unknown[];
}

/** How a job on a unit goes. Default: the reply, then JobRemoved with `done`. */
interface JobBehaviour {
  result?: string;
  /** When JobRemoved comes, before or after the reply; `never` leaves the job running. */
  removed?: "before" | "after" | "never";
}

type Reply = { signature: string; body: unknown[] } | { error: string; text: string } | "never";
type Send = (message: Message) => void;

/** What the fake knows and does, on whichever socket. */
class FakeManager {
  readonly calls: RecordedCall[] = [];
  /** Properties of units by name, as `[D-Bus signature, value]`; a unit that is not here is not found. */
  readonly units = new Map<string, Record<string, [signature: string, value: unknown]>>();
  readonly unitFiles = new Map<string, string>();
  readonly jobs = new Map<string, JobBehaviour>();
  /** What a method answers instead of its own answer. */
  readonly replies = new Map<string, Reply>();
  /** How long every reply takes. */
  delayMs = 0;
  /** The most calls that waited for a reply at one time. */
  mostInFlight = 0;
  subscribed = false;

  #inFlight = 0;
  #jobId = 100;
  #last: Send = () => undefined;

  async handle(message: Message, send: Send): Promise<void> {
    this.calls.push({ member: message.member, path: message.path, body: message.body });
    this.#last = send;
    this.#inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    const job = /^(Start|Stop|Restart)Unit$/.test(message.member) ? this.#newJob(message) : undefined;
    if (job?.behaviour.removed === "before") send(job.removed);
    this.#reply(message, {
      send,
      reply: this.replies.get(message.member) ?? job?.reply ?? this.#answer(message),
    });
    if (job !== undefined && (job.behaviour.removed ?? "after") === "after") send(job.removed);
    this.#inFlight -= 1;
  }

  /** What the fake says by itself goes this way from now on. */
  speakOver(send: Send): void {
    this.#last = send;
  }

  /** Says that a job is over, whoever asked for it. */
  removeJob(path: string, { unit, result }: { unit: string; result: string }): void {
    this.#last(jobRemoved(path, { unit, result }));
  }

  members(): string[] {
    return this.calls.map(({ member }) => member);
  }

  #newJob({ body: [unit] }: Message): { behaviour: JobBehaviour; removed: Message; reply: Reply } {
    const path = `/org/freedesktop/systemd1/job/${++this.#jobId}`;
    const behaviour = this.jobs.get(unit as string) ?? {};
    const removed = jobRemoved(path, { unit: unit as string, result: behaviour.result ?? "done" });
    return { behaviour, removed, reply: { signature: "o", body: [path] } };
  }

  #reply(message: Message, { send, reply }: { send: Send; reply: Reply }): void {
    if (reply === "never") return;
    if ("error" in reply) send(newError(message, reply.error, reply.text));
    else send(dbus.Message.newMethodReturn(message, reply.signature, reply.body));
  }

  #answer({ member, path, body }: Message): Reply {
    switch (member) {
      case "Subscribe":
        if (this.subscribed)
          return {
            error: "org.freedesktop.systemd1.AlreadySubscribed",
            text: "Client is already subscribed.",
          };
        this.subscribed = true;
        return nothing;
      case "Ping":
      case "Reload":
      case "ResetFailedUnit":
        return nothing;
      case "EnableUnitFiles":
        return { signature: "ba(sss)", body: [true, []] };
      case "DisableUnitFiles":
        return { signature: "a(sss)", body: [[]] };
      case "GetUnitFileState":
        return this.#fileState(body[0] as string);
      case "ListUnitsByPatterns":
        return this.#list(body[1] as string[]);
      case "GetAll":
        return this.#getAll(unitOf(path) ?? "", body[0] as string);
      case "Get":
        return this.#get(unitOf(path), body[1] as string);
      default:
        return { error: "org.freedesktop.DBus.Error.UnknownMethod", text: `Unknown method ${member}` };
    }
  }

  #fileState(unit: string): Reply {
    const state = this.unitFiles.get(unit);
    if (state !== undefined) return { signature: "s", body: [state] };
    return { error: "org.freedesktop.DBus.Error.FileNotFound", text: "No such file or directory" };
  }

  #list(patterns: string[]): Reply {
    const rows = [...this.units]
      .filter(([name]) => patterns.length === 0 || patterns.includes(name))
      .map(([name, properties]) => {
        const text = (property: string): string => String(properties[property]?.[1] ?? "");
        return [name, "", text("LoadState"), text("ActiveState"), text("SubState"), "", "/", 0, "", "/"];
      });
    return { signature: "a(ssssssouso)", body: [rows] };
  }

  // Both interfaces get all there is: who asks takes what it knows.
  #getAll(unit: string, from: string): Reply {
    if (from.endsWith(".Service") && !unit.endsWith(".service")) {
      return { error: "org.freedesktop.DBus.Error.UnknownInterface", text: `Unknown interface ${from}` };
    }
    const properties = Object.entries({ ...notFound, ...this.units.get(unit) });
    const variants = properties.map(([name, [signature, value]]) => [
      name,
      new dbus.Variant(signature, value),
    ]);
    return { signature: "a{sv}", body: [Object.fromEntries(variants)] };
  }

  #get(unit: string | undefined, property: string): Reply {
    if (unit === undefined) return { signature: "v", body: [new dbus.Variant("s", "252 (fake)")] };
    const given = this.units.get(unit)?.[property] ?? notFound[property];
    if (given !== undefined) return { signature: "v", body: [new dbus.Variant(...given)] };
    return { error: "org.freedesktop.DBus.Error.UnknownProperty", text: `Unknown property ${property}` };
  }
}

// The types of dbus-next have a string where newError() takes the message it answers.
const newError = dbus.Message.newError as unknown as (
  to: Message,
  errorName: string,
  text: string,
) => Message;

const nothing: Reply = { signature: "", body: [] };

const notFound: Record<string, [string, unknown]> = {
  LoadState: ["s", "not-found"],
  ActiveState: ["s", "inactive"],
  SubState: ["s", "dead"],
  ActiveEnterTimestamp: ["t", 0n],
  InvocationID: ["ay", Buffer.alloc(0)],
  UnitFileState: ["s", ""],
  NeedDaemonReload: ["b", false],
  Result: ["s", "success"],
  MainPID: ["u", 0],
  NRestarts: ["u", 0],
  ControlGroup: ["s", ""],
  StatusText: ["s", ""],
  ExecMainCode: ["i", 0],
  ExecMainStatus: ["i", 0],
};

function jobRemoved(path: string, { unit, result }: { unit: string; result: string }): Message {
  const id = Number(path.slice(path.lastIndexOf("/") + 1));
  return dbus.Message.newSignal(MANAGER_PATH, MANAGER, "JobRemoved", "uoss", [id, path, unit, result]);
}

function unitOf(path: string): string | undefined {
  const prefix = `${MANAGER_PATH}/unit/`;
  if (!path.startsWith(prefix)) return undefined;
  return path
    .slice(prefix.length)
    .replaceAll(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

export interface FakeSystemd {
  /** The D-Bus address of the bus, or of the private socket. */
  address: string;
  path: string;
  manager: FakeManager;
  /** The bus, or the private peer, is gone at once. */
  die(): Promise<void>;
  /** systemd leaves the bus; the bus stays. */
  leave(): Promise<void>;
  /** systemd is on the bus again, as a new one that knows no subscribers. */
  comeBack(): Promise<void>;
  /** systemd hands its name on the bus to another connection of its own, as `systemctl daemon-reexec` does. */
  reexec(): Promise<void>;
  stop(): Promise<void>;
}

export interface Bus {
  address: string;
  path: string;
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** A dbus-daemon of its own, on a socket in a new directory. */
export async function startBus(): Promise<Bus> {
  const directory = await mkdtemp(join(tmpdir(), "berth-bus-"));
  const path = join(directory, "bus");
  const config = join(directory, "bus.conf");
  await writeFile(config, busConfig(path));
  const daemon = spawn("dbus-daemon", [`--config-file=${config}`, "--nofork", "--print-address"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaints = "";
  daemon.stderr.on("data", (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const ended = once(daemon, "exit").then(() =>
    Promise.reject(new Error(`dbus-daemon did not start: ${complaints}`)),
  );
  await Promise.race([once(daemon.stdout, "data"), ended]);
  ended.catch(() => undefined);
  const kill = (): Promise<void> => end(daemon);
  const stop = async (): Promise<void> => {
    await kill();
    await rm(directory, { recursive: true });
  };
  return { address: `unix:path=${path}`, path, kill, stop };
}

function busConfig(path: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
</busconfig>
`;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** The fake on a bus of its own. */
export async function startFakeSystemd(): Promise<FakeSystemd> {
  const bus = await startBus();
  const manager = new FakeManager();
  const clients: MessageBus[] = [];
  const serve = async (): Promise<MessageBus> => {
    const client = await connectClient(bus.address);
    clients.push(client);
    client.addMethodHandler((message: Message) => {
      if (message.interface === "org.freedesktop.DBus.Introspectable") return false;
      void manager.handle(message, (reply) => client.send(reply));
      return true;
    });
    await client.requestName(NAME, ALLOW_REPLACEMENT | REPLACE_EXISTING);
    manager.speakOver((message) => client.send(message));
    return client;
  };
  let client = await serve();
  return {
    address: bus.address,
    path: bus.path,
    manager,
    die: () => bus.kill(),
    leave: async () => void (await client.releaseName(NAME)),
    async comeBack(): Promise<void> {
      manager.subscribed = false;
      await client.requestName(NAME, ALLOW_REPLACEMENT);
    },
    async reexec(): Promise<void> {
      client = await serve();
    },
    async stop(): Promise<void> {
      for (const each of clients) each.disconnect();
      await bus.stop();
    },
  };
}

/** Another client of a bus, by the whole of dbus-next. */
export async function connectClient(address: string): Promise<MessageBus> {
  const client = dbus.sessionBus({ busAddress: address });
  client.on("error", () => undefined);
  await once(client, "connect");
  return client;
}

/**
 * The fake on a private socket, as /run/systemd/private: no bus, no Hello, signals to everyone. With the stall of pid 1: the
 * first message is not read until more comes (the real one stalls when it comes in one piece with BEGIN).
 */
export async function startFakePrivateSystemd({
  stall = true,
}: {
  stall?: boolean;
} = {}): Promise<FakeSystemd> {
  const directory = await mkdtemp(join(tmpdir(), "berth-private-"));
  const path = join(directory, "private");
  const manager = new FakeManager();
  const peers = new Set<Socket>();
  const server: Server = createServer((socket) => {
    peers.add(socket);
    socket.on("error", () => undefined);
    servePrivately(socket, { manager, stall });
  });
  server.listen(path);
  await once(server, "listening");
  const noBus = (): Promise<never> => Promise.reject(new Error("there is no bus here"));
  const die = async (): Promise<void> => {
    for (const peer of peers) peer.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    address: `unix:path=${path}`,
    path,
    manager,
    die,
    leave: die,
    comeBack: noBus,
    reexec: noBus,
    async stop(): Promise<void> {
      if (server.listening) await die();
      await rm(directory, { recursive: true });
    },
  };
}

function servePrivately(socket: Socket, { manager, stall }: { manager: FakeManager; stall: boolean }): void {
  const messages = new PassThrough();
  wire.unmarshalMessages(
    messages,
    (raw) => {
      const message = new dbus.Message(compat.messageToJsFmt(raw));
      let serial = 0;
      void manager.handle(message, (reply) => {
        reply.serial = ++serial;
        socket.write(compat.marshallMessage(reply)[0]);
      });
    },
    {},
  );
  let held = Buffer.alloc(0);
  let begun = false;
  let stalls = stall;
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    if (!begun && /AUTH EXTERNAL [0-9a-f]+\r\n$/.test(held.toString("latin1"))) {
      held = Buffer.alloc(0);
      socket.write("OK 0123456789abcdef0123456789abcdef\r\n");
    }
    if (!begun && held.includes("BEGIN\r\n")) {
      begun = true;
      held = held.subarray(held.indexOf("BEGIN\r\n") + 7);
    }
    if (!begun || held.length === 0) return;
    if (stalls) {
      stalls = false;
      return;
    }
    messages.write(held);
    held = Buffer.alloc(0);
  });
}
