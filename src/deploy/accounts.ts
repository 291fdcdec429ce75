/**
 * Host accounts for a service without a runtime: systemd refuses to run one as a number that the host does not know
 * (217/USER), so the missing ones are made by sysusers.d. Pure.
 */
import type { RuntimeUser } from "../oci/runtime-config.ts";

export interface Accounts {
  groups: { name: string; id: number }[];
  users: { name: string; id: number; gid: number; comment: string }[];
}

/** The accounts that sysusers has to make for `user`; undefined when the host knows all its numbers. */
export function missingAccounts(
  user: RuntimeUser,
  known: { uids: ReadonlySet<number>; gids: ReadonlySet<number> },
): Accounts | undefined {
  const ids = new Set([user.gid, ...(user.additionalGids ?? [])]);
  const gids = [...ids].filter((gid) => gid !== 0 && !known.gids.has(gid));
  const groups = gids.map((id) => ({ name: `berth-${id}`, id }));
  const users =
    user.uid === 0 || known.uids.has(user.uid)
      ? []
      : [
          {
            name: `berth-${user.uid}`,
            id: user.uid,
            gid: user.gid,
            comment: '"Service installed from an image"',
          },
        ];
  return groups.length + users.length > 0 ? { groups, users } : undefined;
}

/** The numeric ids in the text of a passwd or group file (the third field of both). */
export function accountIds(text: string): Set<number> {
  return new Set(
    text.split("\n").flatMap((line) => {
      const id = line.split(":")[2];
      return id !== undefined && /^\d+$/.test(id) ? [Number(id)] : [];
    }),
  );
}

/** The file of the host whose lines make the accounts of a container. */
export function sysusersFile(name: string): string {
  return `/etc/sysusers.d/berth-${name}.conf`;
}
