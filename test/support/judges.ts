/** Independent judges of images and signatures: skopeo as Debian 12 has it, and as Debian 13 does. */
import { execa } from "execa";
import { debianProgram } from "./lab/program.ts";

export interface Judge {
  name: string;
  argv: readonly string[];
}

/** Built without sigstore, and older than several rules of containers/image. */
export const OLD_SKOPEO: Judge = { name: "skopeo 1.9", argv: ["skopeo"] };

/** skopeo 1.18, which is built with sigstore. */
export async function newSkopeo(): Promise<Judge> {
  const argv = await debianProgram({ suite: "trixie", packageName: "skopeo", path: "usr/bin/skopeo" });
  return { name: "skopeo 1.18", argv };
}

/** Runs it with the policy and the places of signatures of a tree. */
export async function ask(
  { argv: [program = "", ...before] }: Judge,
  { root }: { root: string },
  args: readonly string[],
): Promise<{ exitCode: number; stderr: string }> {
  const etc = `${root}/etc/containers`;
  const places = ["--policy", `${etc}/policy.json`, "--registries.d", `${etc}/registries.d`];
  const { exitCode = -1, stderr } = await execa(program, [...before, ...places, ...args], {
    reject: false,
    env: { XDG_RUNTIME_DIR: root },
  });
  return { exitCode, stderr };
}
