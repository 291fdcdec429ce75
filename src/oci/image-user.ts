/**
 * Whom an image's process runs as: `User` of the image config, resolved in the image's own /etc/passwd and /etc/group and
 * never in the host's.
 */
import { Failure } from "../errors.ts";
import type { RuntimeUser } from "./runtime-config.ts";

export interface ImageUser extends RuntimeUser {
  /** Home directory by the image's passwd, `/` where it names none. */
  home: string;
}

/** Texts of the image's files, empty where it has none. */
export interface UserFiles {
  passwd: string;
  group: string;
}

interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** The kernel and Docker agree on this bound; above it a number would wrap (CVE-2024-40635). */
const MAX_ID = 2 ** 31 - 1;

/**
 * Resolves `user`, `user:group`, `uid`, `uid:gid` and their mixtures (image-spec, config `User`). Without a group the
 * user's own group and the groups that list it apply; an unknown number gets group 0, as with Docker.
 * @throws Failure CONFIG_INVALID for a name the image does not know and for a number out of range.
 */
export function resolveImageUser(spec: string | undefined, files: UserFiles): ImageUser {
  const accounts = parsePasswd(files.passwd);
  const [userPart = "", groupPart] = splitUser(spec ?? "");
  const account = findAccount(userPart === "" ? "0" : userPart, accounts);
  const groups = parseGroup(files.group);
  if (groupPart !== undefined && groupPart !== "") {
    return { uid: account.uid, gid: groupId(groupPart, groups), additionalGids: [], home: account.home };
  }
  const additionalGids = groups
    .filter(
      (group) => account.name !== "" && group.members.includes(account.name) && group.gid !== account.gid,
    )
    .map((group) => group.gid);
  return { uid: account.uid, gid: account.gid, additionalGids, home: account.home };
}

function splitUser(spec: string): [string, string | undefined] {
  const colon = spec.indexOf(":");
  return colon < 0 ? [spec, undefined] : [spec.slice(0, colon), spec.slice(colon + 1)];
}

function findAccount(user: string, accounts: Account[]): Account {
  const byName = accounts.find((account) => account.name === user);
  if (byName !== undefined) return byName;
  const uid = parseId(user, "user");
  return accounts.find((account) => account.uid === uid) ?? { name: "", uid, gid: 0, home: "/" };
}

function groupId(group: string, groups: { name: string; gid: number }[]): number {
  return groups.find((candidate) => candidate.name === group)?.gid ?? parseId(group, "group");
}

function parseId(text: string, what: "user" | "group"): number {
  if (!/^[0-9]+$/.test(text)) {
    throw new Failure(
      "CONFIG_INVALID",
      `the image runs as ${what} ${JSON.stringify(text)}, which its /etc/${what === "user" ? "passwd" : "group"} does not name`,
    );
  }
  const id = Number(text);
  if (id > MAX_ID) {
    throw new Failure("CONFIG_INVALID", `the image runs as ${what} ${text}, which is more than ${MAX_ID}`);
  }
  return id;
}

function parsePasswd(text: string): Account[] {
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid, , home] = line.split(":");
    if (!name || !isId(uid) || !isId(gid)) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home: home?.startsWith("/") ? home : "/" }];
  });
}

function parseGroup(text: string): { name: string; gid: number; members: string[] }[] {
  return text.split("\n").flatMap((line) => {
    const [name, , gid, members] = line.split(":");
    if (!name || !isId(gid)) return [];
    return [
      { name, gid: Number(gid), members: (members ?? "").split(",").filter((member) => member !== "") },
    ];
  });
}

function isId(text: string | undefined): text is string {
  return text !== undefined && /^[0-9]+$/.test(text) && Number(text) <= MAX_ID;
}
