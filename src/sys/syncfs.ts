import { lastError, native } from "./libc.ts";

const syncfsCall = native("int syncfs(int fd)");

/** Writes all that is dirty on the file system that holds the open file `fd` to its device. */
export function syncfs(fd: number): void {
  if (syncfsCall(fd) !== 0) throw lastError({ syscall: "syncfs" });
}
