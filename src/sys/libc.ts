import { createRequire } from "node:module";
import { getSystemErrorName } from "node:util";
import type { KoffiFunc, LibraryHandle } from "koffi";

/**
 * The C library through koffi, for the few calls Node lacks. koffi costs about 25 ms to load, so it is loaded
 * by the first call and not by an import. A path is bytes: a name of a file need not be UTF-8.
 */
let library: { lib: LibraryHandle; errno(): number } | undefined;

/** A list is an array of C strings; null ends it, and is no pointer elsewhere. */
type NativeArgument = number | bigint | Uint8Array | string | null | readonly (string | null)[];
type NativeFunction = (...args: NativeArgument[]) => number;

/**
 * A C function by its prototype, bound on first use. The caller must check the result for -1 and ask
 * `lastError`.
 */
export function native(prototype: string): NativeFunction {
  let bound: NativeFunction | undefined;
  return (...args) => {
    bound ??= load().lib.func(prototype) as NativeFunction;
    return bound(...args);
  };
}

/** A function of another library, which is looked for where the system has its libraries; throws where it is not. */
export function foreign(library: string, prototype: string): NativeFunction {
  load();
  const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
  return koffi.load(library).func(prototype) as NativeFunction;
}

/** The same in a thread, where `lastError` knows nothing of it. A signal does not end it. */
export function nativeInThread(prototype: string): (...args: NativeArgument[]) => Promise<number> {
  let bound: KoffiFunc<NativeFunction> | undefined;
  return async (...args) => {
    bound ??= load().lib.func(prototype) as KoffiFunc<NativeFunction>;
    const call = bound;
    return new Promise((resolve, reject) => {
      call.async(...args, (error, result) => (error ? reject(error as Error) : resolve(result)));
    });
  };
}

export interface FailedCall {
  syscall: string;
  path?: Uint8Array | undefined;
  dest?: Uint8Array | undefined;
}

/**
 * The error of the call that just returned -1, shaped as Node's own. Nothing may be called between the two.
 */
export function lastError({ syscall, path, dest }: FailedCall): NodeJS.ErrnoException {
  const errno = load().errno();
  const code = getSystemErrorName(-errno);
  const names = [path, dest].filter((name) => name !== undefined).map((name) => Buffer.from(name).toString());
  const message = [`${code}: ${syscall}`, names.map((name) => `'${name}'`).join(" -> ")].join(" ").trim();
  const error: NodeJS.ErrnoException & { dest?: string } = Object.assign(new Error(message), {
    code,
    errno: -errno,
    syscall,
  });
  if (names[0] !== undefined) error.path = names[0];
  if (names[1] !== undefined) error.dest = names[1];
  return error;
}

/** `path` as a C string. A NUL inside would name another file. */
export function cString(path: string | Uint8Array): Buffer {
  const bytes = typeof path === "string" ? Buffer.from(path) : path;
  if (bytes.includes(0)) throw new TypeError("a path must not contain NUL");
  const terminated = Buffer.alloc(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

function load(): NonNullable<typeof library> {
  if (library === undefined) {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    library = { lib: koffi.load(null), errno: () => koffi.errno() };
  }
  return library;
}
