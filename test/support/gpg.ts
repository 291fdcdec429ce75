/** GnuPG with a home of its own: keys as the tests need them. Close it, or its agent stays. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

export interface SignOptions {
  /** What gpg is told beside what it signs. */
  args?: readonly string[];
  /** `--faked-system-time`, such as `20200101T000000!`. */
  at?: string;
}

export class Gpg {
  readonly home: string;

  static async open(): Promise<Gpg> {
    return new Gpg(await mkdtemp(join(tmpdir(), "berth-gpg-")));
  }

  private constructor(home: string) {
    this.home = home;
  }

  /** A new key that signs; its fingerprint. */
  async key(
    user: string,
    { at, expires = "never" }: { at?: string; expires?: string } = {},
  ): Promise<string> {
    await this.run(["--quick-generate-key", user, "ed25519", "sign", expires], { at });
    return await this.fingerprint(user);
  }

  /** A new subkey that signs; its fingerprint. */
  async subkey(key: string): Promise<string> {
    await this.run(["--quick-add-key", key, "ed25519", "sign"]);
    return (await this.fingerprints(key)).at(-1) ?? "";
  }

  /** The key from now on as its owner revoked it. */
  async revoke(fingerprint: string): Promise<void> {
    const path = join(this.home, "openpgp-revocs.d", `${fingerprint}.rev`);
    const { readFile } = await import("node:fs/promises");
    const text = (await readFile(path, "utf8")).replace(":-----BEGIN", "-----BEGIN");
    await this.run(["--import"], { input: Buffer.from(text) });
  }

  async export(...keys: string[]): Promise<Buffer> {
    return await this.run(["--export", ...keys]);
  }

  async exportSecret(key: string): Promise<Buffer> {
    return await this.run(["--armor", "--export-secret-keys", key]);
  }

  /** The signed message that a lookaside server has. */
  async sign(content: string | Buffer, key: string, { args = [], at }: SignOptions = {}): Promise<Buffer> {
    return await this.run(["--local-user", key, ...args, "--sign"], { input: Buffer.from(content), at });
  }

  async run(
    args: readonly string[],
    { input, at }: { input?: Buffer | undefined; at?: string | undefined } = {},
  ): Promise<Buffer> {
    const time = at === undefined ? [] : ["--faked-system-time", at];
    const common = ["--homedir", this.home, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback"];
    const { stdout } = await execa("gpg", [...common, "--passphrase", "", ...time, ...args], {
      input: input ?? Buffer.alloc(0),
      encoding: "buffer",
      stripFinalNewline: false,
    });
    return Buffer.from(stdout);
  }

  async close(): Promise<void> {
    await execa("gpgconf", ["--homedir", this.home, "--kill", "all"], { reject: false });
    await rm(this.home, { recursive: true, force: true });
  }

  async fingerprint(user: string): Promise<string> {
    return (await this.fingerprints(user))[0] ?? "";
  }

  private async fingerprints(user: string): Promise<string[]> {
    const listed = (
      await this.run(["--with-colons", "--fingerprint", "--fingerprint", "--list-keys", user])
    ).toString();
    return [...listed.matchAll(/^fpr:+([0-9A-F]+):/gm)].map(([, found = ""]) => found);
  }
}
