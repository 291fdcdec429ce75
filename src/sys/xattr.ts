import { cString, lastError, native } from "./libc.ts";

const lset = native(
  "int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)",
);
const fset = native("int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)");
const lget = native("int64_t lgetxattr(const void *path, const void *name, void *value, size_t size)");
const llist = native("int64_t llistxattr(const void *path, void *list, size_t size)");

const lremove = native("int lremovexattr(const void *path, const void *name)");

/** The kernel's limits: XATTR_SIZE_MAX and XATTR_LIST_MAX are both 64 KiB. */
const MAX_BYTES = 65536;

/** Sets an extended attribute of the file itself, of a symlink too. */
export function lsetxattr(path: string | Uint8Array, name: string | Uint8Array, value: Uint8Array): void {
  const file = cString(path);
  if (lset(file, cString(name), value, value.length, 0) !== 0)
    throw lastError({ syscall: "lsetxattr", path: file.subarray(0, -1) });
}

export function fsetxattr(fd: number, name: string | Uint8Array, value: Uint8Array): void {
  if (fset(fd, cString(name), value, value.length, 0) !== 0) throw lastError({ syscall: "fsetxattr" });
}

/** The value, or undefined where there is no such attribute. */
export function lgetxattr(path: string | Uint8Array, name: string | Uint8Array): Buffer | undefined {
  const file = cString(path);
  const value = Buffer.alloc(MAX_BYTES);
  const length = lget(file, cString(name), value, value.length);
  if (length >= 0) return value.subarray(0, length);
  const error = lastError({ syscall: "lgetxattr", path: file.subarray(0, -1) });
  if (error.code === "ENODATA") return undefined;
  throw error;
}

/** The names, in the order of the kernel. Empty where the file system has no extended attributes. */
export function llistxattr(path: string | Uint8Array): Buffer[] {
  const file = cString(path);
  const list = Buffer.alloc(MAX_BYTES);
  const length = llist(file, list, list.length);
  if (length < 0) {
    const error = lastError({ syscall: "llistxattr", path: file.subarray(0, -1) });
    if (error.code === "ENOTSUP" || error.code === "EOPNOTSUPP") return [];
    throw error;
  }
  const names: Buffer[] = [];
  for (let start = 0; start < length; ) {
    const end = list.indexOf(0, start);
    names.push(list.subarray(start, end));
    start = end + 1;
  }
  return names;
}

/** Takes an extended attribute of the file itself away; it must be there. */
export function lremovexattr(path: string | Uint8Array, name: string | Uint8Array): void {
  const file = cString(path);
  if (lremove(file, cString(name)) !== 0)
    throw lastError({ syscall: "lremovexattr", path: file.subarray(0, -1) });
}
