/**
 * A D-Bus connection as bytes become messages: the socket, the EXTERNAL handshake, dbus-next's marshalling. Nothing here knows
 * of calls or of systemd.
 */
import type { Socket } from "node:net";
import type { Message } from "dbus-next";

type Fields = ConstructorParameters<typeof Message>[0] & { flags?: number };

export interface Listener {
  message(message: Message): void;
  /** Once, when the connection is over: by the peer, by an error, by close() (then without an error). */
  closed(error: Error | undefined): void;
}

export interface Connection {
  send(fields: Fields): void;
  close(): void;
}

/**
 * Connects to a unix socket and authenticates as the effective user. Rejects with the socket's own error, or an Error that
 * says what the peer answered, or that it did not answer in time. `listener` hears what comes afterwards.
 */
export async function openConnection(
  path: string,
  { timeoutMs, listener }: { timeoutMs: number; listener: Listener },
): Promise<Connection> {
  const { connect } = await import("node:net");
  const socket = connect(path);
  // For good: a socket that breaks between the handshake and attach() must not be an unhandled error.
  socket.on("error", () => undefined);
  try {
    // The peer answers while the marshalling loads.
    const [marshalling] = await Promise.all([loadMarshalling(), handshake(socket, timeoutMs)]);
    return attach(socket, marshalling, listener);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

interface Marshalling {
  encode(fields: Fields): Buffer;
  /** Returns what to call when bytes have come. */
  decoder(socket: Socket, onMessage: (message: Message) => void): () => void;
}

async function loadMarshalling(): Promise<Marshalling> {
  const [{ default: messageType }, { default: compat }, { default: wire }] = await Promise.all([
    import("dbus-next/lib/message-type.js"),
    import("dbus-next/lib/marshall-compat.js"),
    import("dbus-next/lib/message.js"),
  ]);
  return {
    encode: (fields) => compat.marshallMessage(new messageType.Message(fields))[0],
    decoder(socket, onMessage) {
      let readable = (): void => undefined;
      // The parser gets a stream that only hands out its listener: run by us, its exceptions are ours to catch.
      const stream = {
        on(_event: "readable", run: () => void): void {
          readable = run;
        },
        read: (size: number): Buffer | null => socket.read(size) as Buffer | null,
      };
      wire.unmarshalMessages(
        stream,
        (raw) => onMessage(new messageType.Message(compat.messageToJsFmt(raw))),
        {},
      );
      return () => readable();
    },
  };
}

function handshake(socket: Socket, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      socket.off("error", onError).off("end", onEnd).off("readable", onReadable);
      settle();
    };
    const fail = (error: Error): void => finish(() => reject(error));
    const onError = (error: Error): void => fail(error);
    const onEnd = (): void => fail(new Error("the peer closed the connection during authentication"));
    let answer = "";
    const onReadable = (): void => {
      answer += (socket.read() as Buffer | null)?.toString("latin1") ?? "";
      const end = answer.indexOf("\r\n");
      if (end < 0 && answer.length < 4096) return;
      if (answer.startsWith("OK ")) {
        socket.write("BEGIN\r\n");
        finish(resolve);
      } else fail(new Error(`authentication was refused: ${answer.slice(0, end)}`));
    };
    const timer = setTimeout(
      () => fail(new Error(`no answer to authentication in ${timeoutMs} ms`)),
      timeoutMs,
    );
    socket.on("error", onError).on("end", onEnd).on("readable", onReadable);
    const uid = process.geteuid?.() ?? 0;
    socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString("hex")}\r\n`);
  });
}

function attach(socket: Socket, marshalling: Marshalling, listener: Listener): Connection {
  let open = true;
  const end = (error: Error | undefined): void => {
    if (!open) return;
    open = false;
    socket.destroy();
    listener.closed(error);
  };
  const decode = marshalling.decoder(socket, (message) => listener.message(message));
  socket.on("error", end);
  socket.on("close", () => end(new Error("the peer closed the connection")));
  socket.on("readable", () => {
    // A message that cannot be read, or a handler that throws, ends the connection and becomes the cause of every error.
    try {
      decode();
    } catch (error) {
      end(error instanceof Error ? error : new Error(String(error)));
    }
  });
  if (socket.destroyed) throw new Error("the connection was closed");
  return {
    send: (fields) => void socket.write(marshalling.encode(fields)),
    close: () => end(undefined),
  };
}
