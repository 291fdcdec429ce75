import { Failure } from "../errors.ts";
import { type ByteString, showBytes } from "./byte-string.ts";

/** NAME_MAX of Linux. */
const MAX_COMPONENT = 255;
const MAX_DEPTH = 1024;
/**
 * Below PATH_MAX (4096) by what a state directory and a deployment's name may take, so that every checkout
 * can be made and removed.
 */
const MAX_PATH = 3500;

/**
 * The path of an entry or the target of a hard link inside the image: components joined by `/`, "" for the
 * root itself. `.` and empty components go. LAYER_UNSAFE for `..` and for absolute names (except `/`, which
 * some builders write for the root).
 */
export function entryPath(name: ByteString, what = "entry"): ByteString {
  const components = name.split("/").filter((component) => component !== "" && component !== ".");
  if (name === "") throw new Failure("LAYER_UNSAFE", `${what} has an empty name`);
  if (components.includes("..")) throw unsafe(name, what, "the name contains `..`");
  if (name.startsWith("/") && components.length > 0) throw unsafe(name, what, "the name is absolute");
  if (components.length > MAX_DEPTH) throw tooLong(name, what, `deeper than ${MAX_DEPTH} directories`);
  for (const component of components)
    if (component.length > MAX_COMPONENT)
      throw tooLong(name, what, `file name too long (${component.length} bytes, at most ${MAX_COMPONENT})`);
  const path = components.join("/");
  if (path.length > MAX_PATH)
    throw tooLong(name, what, `path too long (${path.length} bytes, at most ${MAX_PATH})`);
  return path;
}

/** The path of the directory that holds `path`; "" for what lies in the root. */
export function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function baseOf(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function joinPath(parent: ByteString, name: ByteString): ByteString {
  return parent === "" ? name : `${parent}/${name}`;
}

function unsafe(name: ByteString, what: string, reason: string): Failure {
  return new Failure("LAYER_UNSAFE", `${what} "${showBytes(name)}": ${reason}`);
}

function tooLong(name: ByteString, what: string, reason: string): Failure {
  return new Failure("LAYER_INVALID", `${what} "${showBytes(name)}": ${reason}`);
}
