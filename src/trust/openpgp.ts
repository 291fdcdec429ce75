/** Simple signing's cryptography, by OpenPGP.js: one message, one signature, of one of the keys that are given. */
import type { AnyPacket, Key, Message, SignaturePacket, Subkey } from "openpgp";
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
type Config = ReturnType<typeof configOf>;

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
  const issuer = checkShape(openpgp, message);
  const key = keys.find((each) => each.getKeys(issuer).length > 0);
  if (key === undefined)
    throw signatureRefused(`the signature is by the key ${issuer.toHex().toUpperCase()}, which is not one of the policy's`);
  const fingerprint = key.getFingerprint().toUpperCase();
  await checkUsable(openpgp, { key, issuer, fingerprint, config });
  // The time of the signature itself is checked below, so that each case has its own words.
  const { data, signatures } = await openpgp.verify({
    message,
    verificationKeys: key.toPublic(),
    format: "binary",
    date: null,
    config,
  });
  const [result, ...more] = signatures;
  if (result === undefined || more.length > 0) throw unsigned();
  let packet: SignaturePacket | undefined;
  try {
    await result.verified;
    [packet] = (await result.signature).packets;
  } catch (error) {
    throw signatureRefused(`the signature does not fit its content (key ${fingerprint})`, error);
  }
  if (packet?.created === null || packet === undefined) throw unsigned();
  const { created } = packet;
  if (packet.isExpired(new Date())) throw signatureRefused(`the signature by ${fingerprint} has expired`);
  if (created.getTime() > Date.now() + CLOCK_SKEW_MS)
    throw signatureRefused(`the signature by ${fingerprint} is from the future: ${created.toISOString()}`);
  return {
    content: Buffer.from(data as Uint8Array),
    fingerprint,
    users: key.getUserIDs(),
    signed: created.toISOString(),
  };
}

const CLOCK_SKEW_MS = 60_000;
const MAX_CONTENT = 4 * 1024 * 1024;

/** As lenient with old algorithms as GnuPG, whose verdict is the measure; a decompression bomb is not read. */
function configOf({ enums }: OpenPgp): {
  rejectPublicKeyAlgorithms: Set<never>;
  rejectCurves: Set<never>;
  rejectMessageHashAlgorithms: Set<number>;
  minRSABits: number;
  maxDecompressedMessageSize: number;
} {
  return {
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

/** A one-pass signature, the literal content, the signature: nothing else, nothing twice. Returns who signed. */
function checkShape({ enums }: OpenPgp, message: Message<Uint8Array>): ReturnType<Key["getKeyID"]> {
  const tags = message.unwrapCompressed().packets.map((packet) => tagOf(packet));
  const count = (tag: number): number => tags.filter((each) => each === tag).length;
  const { packet } = enums;
  const encrypted: number[] = [
    packet.publicKeyEncryptedSessionKey,
    packet.symEncryptedSessionKey,
    packet.symmetricallyEncryptedData,
    packet.symEncryptedIntegrityProtectedData,
    packet.aeadEncryptedData,
  ];
  if (tags.some((tag) => encrypted.includes(tag))) throw signatureRefused("the signature is encrypted");
  if (count(packet.signature) === 0) throw unsigned();
  if (count(packet.signature) > 1)
    throw signatureRefused(`Unexpected GPG signature count ${count(packet.signature)}: one signature signs one image`);
  if (count(packet.literalData) !== 1) throw signatureRefused("the signature does not hold what it signs");
  const [issuer, ...others] = message.getSigningKeyIDs();
  if (issuer === undefined || others.length > 0) throw unsigned();
  return issuer;
}

function tagOf(packet: AnyPacket): number {
  return "tag" in packet ? packet.tag : (packet.constructor as unknown as { tag: number }).tag;
}

async function checkUsable(
  _openpgp: OpenPgp,
  { key, issuer, fingerprint, config }: { key: Key; issuer: ReturnType<Key["getKeyID"]>; fingerprint: string; config: Config },
): Promise<void> {
  const now = new Date();
  if (await key.isRevoked(undefined, undefined, now)) throw signatureRefused(`the key ${fingerprint} is revoked`);
  const expires = await key.getExpirationTime();
  if (expires === null || (expires instanceof Date && expires <= now))
    throw signatureRefused(`the key ${fingerprint} has expired`);
  const subkey = key.getSubkeys(issuer)[0];
  if (subkey !== undefined) await checkSubkey(subkey, { fingerprint, now });
  try {
    await key.getSigningKey(issuer, now, undefined, config as never);
  } catch (error) {
    throw signatureRefused(`the key ${fingerprint} cannot be used for signatures`, error);
  }
}

async function checkSubkey(subkey: Subkey, { fingerprint, now }: { fingerprint: string; now: Date }): Promise<void> {
  const which = `the subkey ${subkey.getFingerprint().toUpperCase()} of ${fingerprint}`;
  for (const revocation of subkey.revocationSignatures)
    if (await subkey.isRevoked(revocation, subkey.keyPacket, now)) throw signatureRefused(`${which} is revoked`);
  const expires = await subkey.getExpirationTime();
  if (expires instanceof Date && expires <= now) throw signatureRefused(`${which} has expired`);
}

function unsigned(): ReturnType<typeof signatureRefused> {
  return signatureRefused("the signature file holds data that nobody signed");
}
