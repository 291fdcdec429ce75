/** The system calls of Linux that change files, and where their arguments name them. */

export interface FileCall {
  name: string;
  /** Each file: a path (with the descriptor of the directory it starts from), or a descriptor alone. */
  paths: { path?: number; fd?: number }[];
  /** Argument with the flags of open(2): only what makes or empties a file counts. */
  flags?: number;
  /** The one request of ioctl(2) that counts. */
  request?: number;
}

/** Name, numbers on x86-64 and arm64 (0: it has none), and the files. */
const CALLS: [
  name: string,
  x64: number,
  arm64: number,
  paths: FileCall["paths"],
  rest?: Partial<FileCall>,
][] = [
  ["open", 2, 0, [{ path: 0 }], { flags: 1 }],
  ["creat", 85, 0, [{ path: 0 }]],
  ["openat", 257, 56, [{ fd: 0, path: 1 }], { flags: 2 }],
  ["write", 1, 64, [{ fd: 0 }]],
  ["writev", 20, 66, [{ fd: 0 }]],
  ["pwrite64", 18, 68, [{ fd: 0 }]],
  ["pwritev", 296, 70, [{ fd: 0 }]],
  ["sendmsg", 46, 211, [{ fd: 0 }]],
  ["sendto", 44, 206, [{ fd: 0 }]],
  ["truncate", 76, 45, [{ path: 0 }]],
  ["ftruncate", 77, 46, [{ fd: 0 }]],
  ["fallocate", 285, 47, [{ fd: 0 }]],
  ["copy_file_range", 326, 285, [{ fd: 2 }]],
  ["sendfile", 40, 71, [{ fd: 0 }]],
  ["ioctl FICLONE", 16, 29, [{ fd: 0 }], { request: 0x40049409 }],
  ["rename", 82, 0, [{ path: 0 }, { path: 1 }]],
  [
    "renameat",
    264,
    38,
    [
      { fd: 0, path: 1 },
      { fd: 2, path: 3 },
    ],
  ],
  [
    "renameat2",
    316,
    276,
    [
      { fd: 0, path: 1 },
      { fd: 2, path: 3 },
    ],
  ],
  ["link", 86, 0, [{ path: 0 }, { path: 1 }]],
  [
    "linkat",
    265,
    37,
    [
      { fd: 0, path: 1 },
      { fd: 2, path: 3 },
    ],
  ],
  ["symlink", 88, 0, [{ path: 1 }]],
  ["symlinkat", 266, 36, [{ fd: 1, path: 2 }]],
  ["unlink", 87, 0, [{ path: 0 }]],
  ["unlinkat", 263, 35, [{ fd: 0, path: 1 }]],
  ["rmdir", 84, 0, [{ path: 0 }]],
  ["mkdir", 83, 0, [{ path: 0 }]],
  ["mkdirat", 258, 34, [{ fd: 0, path: 1 }]],
  ["mknod", 133, 0, [{ path: 0 }]],
  ["mknodat", 259, 33, [{ fd: 0, path: 1 }]],
  ["chmod", 90, 0, [{ path: 0 }]],
  ["fchmod", 91, 52, [{ fd: 0 }]],
  ["fchmodat", 268, 53, [{ fd: 0, path: 1 }]],
  ["chown", 92, 0, [{ path: 0 }]],
  ["lchown", 94, 0, [{ path: 0 }]],
  ["fchown", 93, 55, [{ fd: 0 }]],
  ["fchownat", 260, 54, [{ fd: 0, path: 1 }]],
  ["utimensat", 280, 88, [{ fd: 0, path: 1 }]],
  ["setxattr", 188, 5, [{ path: 0 }]],
  ["lsetxattr", 189, 6, [{ path: 0 }]],
  ["fsetxattr", 190, 7, [{ fd: 0 }]],
  ["lremovexattr", 198, 15, [{ path: 0 }]],
  ["fsync", 74, 82, [{ fd: 0 }]],
  ["fdatasync", 75, 83, [{ fd: 0 }]],
  ["syncfs", 306, 267, [{ fd: 0 }]],
];

/** By number, for this machine. */
export const FILE_CALLS: ReadonlyMap<number, FileCall> = new Map(
  CALLS.flatMap(([name, x64, arm64, paths, rest]) => {
    const number = process.arch === "arm64" ? arm64 : x64;
    return number === 0 ? [] : [[number, { name, paths, ...rest }]];
  }),
);
