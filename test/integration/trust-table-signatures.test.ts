/** OpenPGP signatures, good and bad, by one signer and by several. */
import { OTHER } from "../support/trust-bench.ts";
import { testTrustTable } from "../support/trust-table.ts";

testTrustTable("simple signing", [
  {
    name: "not signed",
    requirements: (bench) => [bench.signedBy("alice")],
    accepts: false,
    says: /no signature exists/,
  },
  {
    name: "signed",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed(),
    accepts: true,
  },
  {
    name: "signed, two keys known",
    requirements: (bench) => [bench.signedBy("both")],
    signatures: (bench) => bench.signed({}, "bob"),
    accepts: true,
  },
  {
    name: "unknown key",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed({}, "bob"),
    accepts: false,
    says: /which is not one of the policy's/,
  },
  {
    name: "expired key",
    requirements: (bench) => [bench.signedBy("expired")],
    signatures: async (bench) => [await bench.sign(bench.payload(), "expired", { at: "20200601T000000!" })],
    accepts: false,
    says: /key .* has expired/,
  },
  {
    name: "revoked key",
    requirements: (bench) => [bench.signedBy("revoked")],
    signatures: async (bench) => {
      const made = await bench.sign(bench.payload(), "revoked");
      await bench.gpg.revoke(bench.keys["revoked"] ?? "");
      bench.rings["revoked"] = (await bench.gpg.export(bench.keys["revoked"] ?? "")).toString("base64");
      return [made];
    },
    accepts: false,
    says: /key .* is revoked/,
  },
  {
    name: "expired signature",
    requirements: (bench) => [bench.signedBy("short")],
    signatures: async (bench) => [
      await bench.sign(bench.payload(), "short", {
        at: "20200601T000000!",
        args: ["--default-sig-expire", "1d"],
      }),
    ],
    accepts: false,
    says: /signature by .* has expired/,
  },
  {
    name: "subkey",
    requirements: (bench) => [bench.signedBy("owner")],
    signatures: async (bench) => [await bench.gpg.sign(bench.payload(), `${bench.keys["subkey"]}!`)],
    accepts: true,
    but: (["skopeo 1.9", "skopeo 1.18"] as const).map((judge) => ({
      judge,
      accepts: false,
      because: "it compares the subkey; later ones its primary key",
    })),
  },
  {
    name: "other digest",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed({ digest: OTHER }),
    accepts: false,
    says: /Signature for digest sha256:0+ does not match/,
  },
  {
    name: "unsigned literal",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => [
      await bench.gpg.run(["--store", "--compress-algo", "zip"], { input: Buffer.from(bench.payload()) }),
    ],
    accepts: false,
    says: /nobody signed/,
  },
  {
    name: "encrypted",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => [
      await bench.gpg.run(["--passphrase", "secret", "--symmetric"], { input: Buffer.from(bench.payload()) }),
    ],
    accepts: false,
    says: /is encrypted/,
  },
  {
    name: "two signatures in one",
    requirements: (bench) => [bench.signedBy("both")],
    signatures: async (bench) => [
      await bench.sign(bench.payload(), "alice", { args: ["--local-user", bench.keys["bob"] ?? ""] }),
    ],
    accepts: false,
    says: /Unexpected GPG signature count 2/,
  },
  {
    name: "altered",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => {
      const made = await bench.sign(bench.payload(), "alice", { args: ["--compress-algo", "none"] });
      const at = made.indexOf("atomic container");
      made[at] = "A".charCodeAt(0);
      return [made];
    },
    accepts: false,
  },
  {
    name: "clear-signed",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => [
      await bench.gpg.run(["--local-user", bench.keys["alice"] ?? "", "--clear-sign"], {
        input: Buffer.from(bench.payload()),
      }),
    ],
    accepts: false,
    says: /no signature of a kind that is known/,
  },
  {
    name: "detached",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => [
      await bench.gpg.run(["--local-user", bench.keys["alice"] ?? "", "--detach-sign"], {
        input: Buffer.from(bench.payload()),
      }),
    ],
    accepts: false,
  },
  {
    name: "a web page",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async () => [Buffer.from("<html>")],
    accepts: false,
  },
  {
    name: "several signers, the second counts",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => [
      await bench.sign(bench.payload(), "bob"),
      await bench.sign(bench.payload()),
    ],
    accepts: true,
  },
  {
    name: "several signers, none counts",
    requirements: (bench) => [bench.signedBy("expired")],
    signatures: async (bench) => [
      await bench.sign(bench.payload(), "bob"),
      await bench.sign(bench.payload()),
    ],
    accepts: false,
    says: /None of the signatures were accepted, reasons: /,
  },
  {
    name: "two requirements, both met",
    requirements: (bench) => [bench.signedBy("alice"), bench.signedBy("bob")],
    signatures: async (bench) => [
      await bench.sign(bench.payload(), "bob"),
      await bench.sign(bench.payload()),
    ],
    accepts: true,
  },
  {
    name: "two requirements, one met",
    requirements: (bench) => [bench.signedBy("alice"), bench.signedBy("bob")],
    signatures: (bench) => bench.signed(),
    accepts: false,
  },
  {
    name: "other type",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed({ type: "cosign container image signature" }),
    accepts: false,
  },
  {
    name: "unknown member",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed({ critical: { more: 1 } }),
    accepts: false,
  },
  {
    name: "optional members",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed({ optional: { creator: "x", timestamp: 1, more: {} } }),
    accepts: true,
  },
  {
    name: "bad timestamp",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed({ optional: { timestamp: 1.5 } }),
    accepts: false,
  },
  {
    name: "duplicate member",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => [
      await bench.sign(bench.payload().replace('"critical":{', '"critical":{"type":"x",')),
    ],
    accepts: false,
  },
  {
    name: "for sigstoreSigned",
    requirements: (bench) => [bench.sigstoreSigned()],
    signatures: (bench) => bench.signed(),
    accepts: false,
  },
]);
