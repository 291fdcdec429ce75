import { lastError, native, nativeInThread } from "./libc.ts";

const PROTOTYPE = "int syncfs(int fd)";
const syncfsCall = native(PROTOTYPE);
const syncfsCallInThread = nativeInThread(PROTOTYPE);

/** Writes all that is dirty on the file system that holds the open file `fd` to its device. */
export function syncfs(fd: number): void {
  if (syncfsCall(fd) !== 0) throw lastError({ syscall: "syncfs" });
}

/** The same in a thread, whose errno is not to be had: any failure is EIO. */
export async function syncfsInThread(fd: number): Promise<void> {
  if ((await syncfsCallInThread(fd)) === 0) return;
  throw Object.assign(new Error("EIO: syncfs: the kernel's log says why"), {
    code: "EIO",
    syscall: "syncfs",
  });
}
