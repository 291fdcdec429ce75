/**
 * Method calls over one D-Bus connection. dbus-next's own MessageBus hangs for ever when the bus dies or a reply never comes;
 * here every call ends: by its reply, its deadline, or the end of the connection.
 */
import type { Message } from "dbus-next";
import { Failure } from "../errors.ts";
import { type Connection, openConnection } from "./connection.ts";

/** dbus-daemon allows 128 pending replies a connection; more is an error (LimitsExceeded). */
const WINDOW = 32;
const DEADLINE_MS = 25_000;

const METHOD_RETURN = 2;
const ERROR = 3;
const SIGNAL = 4;
const NO_AUTO_START = 2;

export interface Call {
  destination: string;
  path: string;
  interface: string;
  member: string;
  signature?: string;
  body?: unknown[];
  /** What the user is told is being done, such as `StartUnit(etcd.service)`; default: member and its string arguments. */
  label?: string;
  timeoutMs?: number;
}

/** An error reply. `errorName` is the D-Bus name, such as org.freedesktop.systemd1.NoSuchUnit. */
export class BusError extends Error {
  override readonly name = "BusError";
  readonly errorName: string;

  constructor(errorName: string, text: string) {
    super(text === "" ? errorName : text);
    this.errorName = errorName;
  }
}

interface Pending {
  serial: number;
  call: Call;
  resolve(body: unknown[]): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

export class Bus {
  /** Hears every signal. What it throws ends the connection. */
  onSignal: (message: Message) => void = () => undefined;
  /** Told once when the connection ends, with the cause; not on close(). */
  onEnd: (failure: Failure) => void = () => undefined;

  readonly #timeoutMs: number | undefined;
  readonly #sent = new Map<number, Pending>();
  #queue: Pending[] = [];
  #serial = 0;
  #connection: Connection | undefined;
  #over: { cause: Error | undefined } | undefined;

  private constructor(timeoutMs: number | undefined) {
    this.#timeoutMs = timeoutMs;
  }

  /** Connects to the unix socket `path`; rejects with the socket's error. `timeoutMs` replaces every default deadline. */
  static async open(path: string, { timeoutMs }: { timeoutMs?: number | undefined } = {}): Promise<Bus> {
    const bus = new Bus(timeoutMs);
    bus.#connection = await openConnection(path, {
      timeoutMs: timeoutMs ?? DEADLINE_MS,
      listener: { message: (message) => bus.#receive(message), closed: (error) => bus.#end(error) },
    });
    return bus;
  }

  /** The body of the reply. Rejects with BusError for an error reply, with Failure NO_SYSTEMD for no reply. */
  call(call: Call): Promise<unknown[]> {
    if (this.#over !== undefined) return Promise.reject(this.#lost(call, this.#over.cause));
    return new Promise((resolve, reject) => {
      const serial = ++this.#serial;
      const timeoutMs = this.#timeoutMs ?? call.timeoutMs ?? DEADLINE_MS;
      const timer = setTimeout(() => this.#expire(serial, timeoutMs), timeoutMs);
      this.#queue.push({ serial, call, resolve, reject, timer });
      this.#flush();
    });
  }

  /** Ends the connection; what is pending fails. */
  close(): void {
    this.#connection?.close();
  }

  #flush(): void {
    while (this.#sent.size < WINDOW) {
      const pending = this.#queue.shift();
      if (pending === undefined) return;
      const { destination, path, member, signature = "", body = [] } = pending.call;
      const { serial } = pending;
      this.#sent.set(serial, pending);
      try {
        const fields = {
          serial,
          destination,
          path,
          interface: pending.call.interface,
          member,
          signature,
          body,
        };
        this.#connection?.send({ ...fields, flags: NO_AUTO_START });
      } catch (error) {
        this.#take(serial)?.reject(error as Error);
      }
    }
  }

  #receive(message: Message): void {
    // Numbers as on the wire: the enum of dbus-next's types would load the whole package.
    const type = message.type as number;
    if (type === SIGNAL) this.onSignal(message);
    if (type !== METHOD_RETURN && type !== ERROR) return;
    const pending = this.#take(Number(message.replySerial));
    if (pending === undefined) return;
    if (type === METHOD_RETURN) pending.resolve(message.body);
    else pending.reject(new BusError(message.errorName, String(message.body[0] ?? "")));
    this.#flush();
  }

  #expire(serial: number, timeoutMs: number): void {
    const pending = this.#take(serial);
    if (pending === undefined) return;
    const message = `systemd did not answer ${labelOf(pending.call)} in ${timeoutMs / 1000} s`;
    pending.reject(
      new Failure("NO_SYSTEMD", message, { hint: "see whether `systemctl is-system-running` answers" }),
    );
    this.#flush();
  }

  #take(serial: number): Pending | undefined {
    const pending = this.#sent.get(serial) ?? this.#queue.find((each) => each.serial === serial);
    if (pending === undefined) return undefined;
    clearTimeout(pending.timer);
    if (!this.#sent.delete(serial)) this.#queue = this.#queue.filter((each) => each !== pending);
    return pending;
  }

  #end(cause: Error | undefined): void {
    this.#over = { cause };
    const pending = [...this.#sent.values(), ...this.#queue];
    this.#sent.clear();
    this.#queue = [];
    for (const { call, reject, timer } of pending) {
      clearTimeout(timer);
      reject(this.#lost(call, cause));
    }
    if (cause !== undefined) this.onEnd(connectionLost(cause));
  }

  #lost(call: Call, cause: Error | undefined): Failure {
    const state = cause === undefined ? "closed" : "lost";
    return new Failure("NO_SYSTEMD", `the connection to systemd was ${state}: ${labelOf(call)}`, { cause });
  }
}

function connectionLost(cause: Error): Failure {
  return new Failure("NO_SYSTEMD", "the connection to systemd was lost", { cause });
}

function labelOf({ member, body = [], label }: Call): string {
  return (
    label ??
    `${member}(${body
      .flat()
      .filter((each) => typeof each === "string")
      .join(", ")})`
  );
}
