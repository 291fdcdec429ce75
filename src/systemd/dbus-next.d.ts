/**
 * The files of dbus-next that berth loads: messages and their marshalling, 10 ms instead of the 35 ms of the whole package
 * (XML, introspection, proxies). The package declares types for its main file only.
 */
declare module "dbus-next/lib/message-type.js" {
  import type { Message } from "dbus-next";

  const messageType: { Message: typeof Message };
  export = messageType;
}

declare module "dbus-next/lib/marshall-compat.js" {
  import type { Message } from "dbus-next";

  const marshallCompat: {
    marshallMessage(message: Message): [data: Buffer, fds: number[]];
    /** Turns an unmarshalled message into what the constructor of Message takes. */
    messageToJsFmt(message: object): ConstructorParameters<typeof Message>[0];
  };
  export = marshallCompat;
}

declare module "dbus-next/lib/message.js" {
  const message: {
    /** Calls `onMessage` for each whole message whenever `stream` emits `readable`. */
    unmarshalMessages(
      stream: { on(event: "readable", listener: () => void): unknown; read(size: number): Buffer | null },
      onMessage: (message: object) => void,
      options: object,
    ): void;
  };
  export = message;
}
