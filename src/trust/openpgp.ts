/** Simple signing's cryptography, by OpenPGP.js: one message, one signature, of one of the keys that are given. */
import type { AnyPacket, Config, Key, Message, SignaturePacket, Subkey } from "openpgp";
import { signatureRefused } from "./signature-refused.ts";

export interface OpenPgpSigned {
  content: Buffer;
  /** Fingerprint of the primary key, upper-case hex. */
  fingerprint: string;
  /** User IDs of the key. */
  users: string[];
  /** When it was signed: ISO 8601. */
  signed: string;
}

type OpenPgp = typeof import("openpgp");

/** Keyrings, armored or not. Undefined keys are left out; none at all is an error. SIGNATURE_INVALID. */
export async function readKeyring(files: readonly Buffer[]): Promise<Key[]> {
  const openpgp = await import("openpgp");
  const config = configOf(openpgp);
  const keys: Key[] = [];
  for (const bytes of files) keys.push(...(await readOne(openpgp, { bytes, config })));
  if (keys.length === 0) throw signatureRefused("No public keys imported");
  return keys;
}

/**
 * The content of a signed message, when its one signature is by one of `keys` and neither of them is expired or revoked now.
 * SIGNATURE_INVALID says which of it is not so.
 */
export async function verifyOpenPgp(blob: Uint8Array, keys: Key[]): Promise<OpenPgpSigned> {
  const openpgp = await import("openpgp");
  const config = configOf(openpgp);
  const message = await readSigned(openpgp, { blob, config });
  refuseEncrypted(openpgp, message);
  const { content, signature } = await onlySignature(openpgp, { message, keys, config });
  const issuer = signature.keyID;
  const key = keys.find((each) => each.getKeys(issuer).length > 0);
  if (key === undefined)
    throw signatureRefused(
      `the signature is by the key ${issuer.toHex().toUpperCase()}, which is not one of the policy's`,
    );
  const fingerprint = key.getFingerprint().toUpperCase();
  await checkUsable(key, { issuer, fingerprint, config });
  let packet: SignaturePacket | undefined;
  try {
    await signature.verified;
    [packet] = (await signature.signature).packets;
  } catch (error) {
    throw signatureRefused(`the signature does not fit its content (key ${fingerprint})`, error);
  }
  const created = packet?.created ?? undefined;
  if (packet === undefined || created === undefined) throw unsigned();
  // The library was asked at no time in particular, so that each case has its own words.
  if (packet.isExpired(new Date())) throw signatureRefused(`the signature by ${fingerprint} has expired`);
  if (created.getTime() > Date.now() + CLOCK_SKEW_MS)
    throw signatureRefused(`the signature by ${fingerprint} is from the future: ${created.toISOString()}`);
  return { content, fingerprint, users: key.getUserIDs(), signed: created.toISOString() };
}

const CLOCK_SKEW_MS = 60_000;
const MAX_CONTENT = 4 * 1024 * 1024;

/** As lenient with old algorithms as GnuPG, whose verdict is the measure; a decompression bomb is not read. */
function configOf({ config, enums }: OpenPgp): Config {
  return {
    ...config,
    rejectPublicKeyAlgorithms: new Set(),
    rejectCurves: new Set(),
    rejectMessageHashAlgorithms: new Set([enums.hash.md5]),
    minRSABits: 1024,
    maxDecompressedMessageSize: MAX_CONTENT,
  };
}

async function readOne(
  { readKeys }: OpenPgp,
  { bytes, config }: { bytes: Buffer; config: Config },
): Promise<Key[]> {
  try {
    const armored = bytes.toString("latin1").trimStart().startsWith("-----BEGIN");
    if (!armored) return await readKeys({ binaryKeys: bytes, config });
    const blocks = bytes.toString().match(/-----BEGIN PGP [^-]+-----[\s\S]*?-----END PGP [^-]+-----/g) ?? [];
    const keys: Key[] = [];
    for (const block of blocks) keys.push(...(await readKeys({ armoredKeys: block, config })));
    return keys;
  } catch (error) {
    throw signatureRefused("a key of the policy cannot be read", error);
  }
}

async function readSigned(
  { readMessage }: OpenPgp,
  { blob, config }: { blob: Uint8Array; config: Config },
): Promise<Message<Uint8Array>> {
  try {
    return await readMessage({ binaryMessage: new Uint8Array(blob), config });
  } catch (error) {
    throw signatureRefused("the signature is not an OpenPGP message", error);
  }
}

function refuseEncrypted({ enums: { packet } }: OpenPgp, message: Message<Uint8Array>): void {
  const encrypted: number[] = [
    packet.publicKeyEncryptedSessionKey,
    packet.symEncryptedSessionKey,
    packet.symmetricallyEncryptedData,
    packet.symEncryptedIntegrityProtectedData,
    packet.aeadEncryptedData,
  ];
  const tags = message.unwrapCompressed().packets.map((each) => tagOf(each));
  if (tags.some((tag) => encrypted.includes(tag))) throw signatureRefused("the signature is encrypted");
  if (!tags.includes(packet.literalData)) throw signatureRefused("the signature does not hold what it signs");
}

type Verification = Awaited<ReturnType<OpenPgp["verify"]>>["signatures"][number];

/** The content and its one signature, not yet looked at. */
async function onlySignature(
  openpgp: OpenPgp,
  { message, keys, config }: { message: Message<Uint8Array>; keys: Key[]; config: Config },
): Promise<{ content: Buffer; signature: Verification }> {
  const verificationKeys = keys.map((key) => key.toPublic());
  let result: Awaited<ReturnType<OpenPgp["verify"]>>;
  try {
    result = await openpgp.verify({ message, verificationKeys, format: "binary", date: null, config });
  } catch (error) {
    throw signatureRefused("the signature is not a signed OpenPGP message", error);
  }
  const [signature, ...others] = result.signatures;
  if (signature === undefined) throw unsigned();
  for (const each of result.signatures) each.verified.catch(() => {}); // asked for below, where it counts
  if (others.length > 0)
    throw signatureRefused(
      `Unexpected GPG signature count ${result.signatures.length}: one signature signs one image`,
    );
  return { content: Buffer.from(result.data as unknown as Uint8Array), signature };
}

function tagOf(packet: AnyPacket): number {
  return "tag" in packet ? packet.tag : (packet.constructor as unknown as { tag: number }).tag;
}

async function checkUsable(
  key: Key,
  { issuer, fingerprint, config }: { issuer: Verification["keyID"]; fingerprint: string; config: Config },
): Promise<void> {
  const now = new Date();
  if (await key.isRevoked(undefined, undefined, now))
    throw signatureRefused(`the key ${fingerprint} is revoked`);
  const expires = await key.getExpirationTime();
  if (expires === null || (expires instanceof Date && expires <= now))
    throw signatureRefused(`the key ${fingerprint} has expired`);
  const subkey = key.getSubkeys(issuer)[0];
  if (subkey !== undefined) await checkSubkey(subkey, { fingerprint, now });
  try {
    await key.getSigningKey(issuer, now, undefined, config);
  } catch (error) {
    throw signatureRefused(`the key ${fingerprint} cannot be used for signatures`, error);
  }
}

async function checkSubkey(
  subkey: Subkey,
  { fingerprint, now }: { fingerprint: string; now: Date },
): Promise<void> {
  const which = `the subkey ${subkey.getFingerprint().toUpperCase()} of ${fingerprint}`;
  for (const revocation of subkey.revocationSignatures)
    if (await subkey.isRevoked(revocation, subkey.keyPacket, now))
      throw signatureRefused(`${which} is revoked`);
  const expires = await subkey.getExpirationTime();
  if (expires instanceof Date && expires <= now) throw signatureRefused(`${which} has expired`);
}

function unsigned(): ReturnType<typeof signatureRefused> {
  return signatureRefused("the signature file holds data that nobody signed");
}

/** A signed message by a secret key of `keyring`: the one whose fingerprint or user id `wanted` names, or the only one. SIGNATURE_INVALID. */
export async function signOpenPgp(
  content: Buffer,
  {
    keyring,
    wanted,
    passphrase,
  }: { keyring: Buffer; wanted: string | undefined; passphrase: string | undefined },
): Promise<Buffer> {
  const openpgp = await import("openpgp");
  const config = configOf(openpgp);
  const keys = (await readOne(openpgp, { bytes: keyring, config })).filter((key) => key.isPrivate());
  const found = keys.filter((key) => wanted === undefined || isNamed(key, wanted));
  const [key] = found;
  if (key === undefined || !key.isPrivate() || found.length > 1)
    throw signatureRefused(
      `the key file has ${found.length} secret keys ${wanted ?? ""}: name one with --sign-by`,
    );
  const signingKeys = key.isDecrypted()
    ? key
    : await openpgp
        .decryptKey({ privateKey: key, passphrase: passphrase ?? "", config })
        .catch((error: unknown) => {
          throw signatureRefused("the secret key does not open: another passphrase?", error);
        });
  const message = await openpgp.createMessage({ binary: new Uint8Array(content) });
  return Buffer.from(await openpgp.sign({ message, signingKeys, format: "binary", config }));
}

function isNamed(key: Key, wanted: string): boolean {
  const text = wanted.replace(/^0x/, "").replaceAll(" ", "").toLowerCase();
  return (
    key.getFingerprint().endsWith(text) || key.getUserIDs().some((user) => user.toLowerCase().includes(text))
  );
}
