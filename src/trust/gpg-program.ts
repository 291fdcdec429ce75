/** The user's GnuPG, where secret keys are: berth never sees them. */
import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";

export interface GpgOptions {
  gnupghome?: string | undefined;
  passphrase?: string | undefined;
}

/** Binary; empty when it has no such key. */
export async function exportPublicKey(key: string, gnupghome: string | undefined): Promise<Buffer> {
  return await gpg(["--batch", "--export", "--", key], { gnupghome });
}

/** A signed message. `key`: a fingerprint, an id or an address. SIGNATURE_INVALID with gpg's words. */
export async function signByGpg(content: Buffer, key: string, options: GpgOptions = {}): Promise<Buffer> {
  const { passphrase } = options;
  const secret = passphrase === undefined ? [] : ["--pinentry-mode", "loopback", "--passphrase-fd", "3"];
  return await gpg(
    [...(passphrase === undefined ? [] : ["--batch"]), ...secret, "--local-user", key, "--sign"],
    {
      ...options,
      input: content,
    },
  );
}

async function gpg(
  args: readonly string[],
  { gnupghome, passphrase, input }: GpgOptions & { input?: Buffer } = {},
): Promise<Buffer> {
  const { execa } = await import("execa");
  const home = gnupghome === undefined ? [] : ["--homedir", gnupghome];
  const { stdout, stderr, failed, code } = await execa(
    "gpg",
    [...home, "--no-tty", "--output", "-", ...args],
    {
      input: input ?? Buffer.alloc(0),
      encoding: "buffer",
      reject: false,
      stripFinalNewline: false,
      ...(passphrase === undefined
        ? {}
        : { stdio: ["pipe", "pipe", "pipe", Buffer.from(`${passphrase}\n`)] as never }),
    },
  );
  if (!failed) return Buffer.from(stdout);
  if (code === "ENOENT")
    throw new Failure("UNSUPPORTED", "there is no program gpg on this host", {
      hint: "Install gnupg, or give the secret key as a file with --key.",
    });
  const said = printable(Buffer.from(stderr).toString().trim().split("\n").at(-1) ?? "", 200);
  throw new Failure("SIGNATURE_INVALID", `gpg: ${said.replace(/^gpg: /, "")}`, {
    hint: "gpg --list-secret-keys shows the keys it has; --gnupghome names another place, --passphrase-file the passphrase.",
  });
}
