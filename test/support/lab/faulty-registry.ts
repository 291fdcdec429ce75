/**
 * A registry for the machine that serves what goes wrong: one repository a fault. Runs inside until it is stopped, and
 * writes to the file named by its argument what address has which habit.
 *
 *   node test/support/lab/faulty-registry.ts /run/faulty.json
 */
import { randomBytes } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";
import { makeImage } from "../images.ts";
import { startRegistry } from "../registry.ts";

export interface FaultyRegistries {
  /** Repositories `good`, `altered`, `cut`, `slow`, `big`, `empty`, each with the tag latest. */
  open: string;
  /** `good`, behind a name and a password (user, secret). */
  closed: string;
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("which file?");

const image = await makeImage({
  files: { "bin/x": { content: randomBytes(200_000), mode: 0o755 } },
  config: { Entrypoint: ["/bin/x"] },
});
const big = await makeImage({
  files: { "bin/x": { content: randomBytes(12_000_000), mode: 0o755 } },
  config: { Entrypoint: ["/bin/x"] },
});
const open = await startRegistry();
for (const repository of ["good", "altered", "cut", "slow"]) open.push(repository, image);
open.push("big", big);
open.push("empty", await makeImage({ files: { "etc/os-release": "NAME=empty\n" } }));
const layer = (repository: string): RegExp =>
  new RegExp(
    `/v2/${repository}/blobs/${image.manifest.toString().match(/"layers":.*?"digest":"([^"]+)"/s)?.[1]}`,
  );
open.fault({ on: layer("altered"), corrupt: true });
open.fault({ on: layer("cut"), cut: 5000, noRange: true });
open.fault({ on: layer("slow"), delay: 200, chunk: 1000 });

const closed = await startRegistry({ auth: "basic", users: { user: "secret" } });
closed.push("good", image);

const addresses: FaultyRegistries = { open: open.host, closed: closed.host };
await writeFile(`${file}.new`, JSON.stringify(addresses));
await rename(`${file}.new`, file);
