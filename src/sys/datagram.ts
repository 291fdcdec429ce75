import { lastError, native } from "./libc.ts";

const socket = native("int socket(int domain, int type, int protocol)");
const sendto = native(
  "int64_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t size)",
);
const close = native("int close(int fd)");

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;

/**
 * Sends one datagram to the Unix socket at `path`, which Node cannot, and does not wait. Throws what sendto(2) says: ENOENT or
 * ECONNREFUSED where nobody listens, EAGAIN where it is behind, EMSGSIZE above some 200 kB.
 */
export function sendDatagram(path: string, data: Uint8Array): void {
  const address = Buffer.alloc(2 + Buffer.byteLength(path) + 1);
  address.writeUInt16LE(AF_UNIX);
  address.write(path, 2);
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd === -1) throw lastError({ syscall: "socket" });
  try {
    if (sendto(fd, data, data.length, MSG_DONTWAIT_NOSIGNAL, address, address.length) === -1)
      throw lastError({ syscall: "sendto", path: Buffer.from(path) });
  } finally {
    close(fd);
  }
}
