/** Keys that sign, as the command line names them. */
import { readFile } from "node:fs/promises";
import { Failure } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Signature } from "../oci/signature.ts";
import { readVersion } from "../version.ts";

export interface SigningKey {
  /** Fingerprint, id or address of a key of GnuPG, or of one in `keyFile`. */
  signBy?: string | undefined;
  /** A secret key for OpenPGP, or a private key for sigstore. */
  keyFile?: string | undefined;
  gnupghome?: string | undefined;
  passphraseFile?: string | undefined;
}

export interface Signer {
  kind: "simple" | "sigstore";
  sign(identity: string, digest: Digest): Promise<Signature>;
}

/** USAGE when no key is named. SIGNATURE_INVALID when it cannot be used. */
export async function openSigner(options: SigningKey): Promise<Signer> {
  const { signBy, keyFile, gnupghome } = options;
  const passphrase = await passphraseOf(options.passphraseFile);
  const { formatPayload } = await import("../trust/payload.ts");
  const simple = (sign: (content: Buffer) => Promise<Buffer>): Signer => ({
    kind: "simple",
    async sign(identity, digest) {
      const timestamp = Math.floor(Date.now() / 1000);
      const payload = formatPayload(
        { identity, digest, creator: `berth ${readVersion()}`, timestamp },
        "simple",
      );
      return { kind: "simple", bytes: await sign(payload) };
    },
  });
  if (keyFile === undefined) {
    if (signBy === undefined)
      throw new Failure("USAGE", "which key is to sign?", {
        hint: "--sign-by names a key of GnuPG, --key a file with a secret key.",
      });
    const { signByGpg } = await import("../trust/gpg-program.ts");
    return simple((content) => signByGpg(content, signBy, { gnupghome, passphrase }));
  }
  const bytes = await readKeyFile(keyFile);
  const { isSigstoreKey, readSigstoreKey, signSigstore } = await import("../trust/sign-sigstore.ts");
  if (!isSigstoreKey(bytes)) {
    const { signOpenPgp } = await import("../trust/openpgp.ts");
    return simple((content) => signOpenPgp(content, { keyring: bytes, wanted: signBy, passphrase }));
  }
  if (signBy !== undefined) throw new Failure("USAGE", `${keyFile} is a sigstore key: it needs no --sign-by`);
  const key = await readSigstoreKey(bytes, passphrase);
  return {
    kind: "sigstore",
    async sign(identity, digest) {
      const timestamp = Math.floor(Date.now() / 1000);
      return signSigstore({ identity, digest, creator: `berth ${readVersion()}`, timestamp }, key);
    },
  };
}

async function readKeyFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Failure("USAGE", `cannot read the key ${path}`, { cause: error });
  }
}

async function passphraseOf(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return (await readFile(path, "utf8")).split("\n", 1)[0]?.replace(/\r$/, "");
  } catch (error) {
    throw new Failure("USAGE", `cannot read the passphrase file ${path}`, { cause: error });
  }
}
