import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { encodeEntry, writeEntry } from "../../../src/systemd/journal-entry.ts";

test("encodeEntry() gives a line for each field, and the length of a value of several lines", () => {
  const encoded = encodeEntry({ MESSAGE: "one", NOT: undefined, BERTH_NAME: "a\nb" });
  const length = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]);
  expect(encoded).toEqual(
    Buffer.concat([Buffer.from("MESSAGE=one\nBERTH_NAME\n"), length, Buffer.from("a\nb\n")]),
  );
});

test("writeEntry() reaches the socket as one datagram, and nobody listening is no error", async () => {
  const dir = await mkdtemp(join(tmpdir(), "berth-journal-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const socket = join(dir, "socket");
  writeEntry({ MESSAGE: "lost" }, { socket });
  const program = `
    use Socket; $| = 1; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); bind($s, sockaddr_un($ARGV[0])) or die;
    print "ready\\n"; recv($s, my $data, 65536, 0); print $data;`;
  const listener = spawn("perl", ["-e", program, socket], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void listener.kill());
  let received = "";
  listener.stdout.on("data", (chunk) => (received += String(chunk)));
  await once(listener.stdout, "data");
  writeEntry({ MESSAGE: "kept", BERTH_NAME: "x" }, { socket });
  await once(listener, "exit");
  expect(received).toBe("ready\nMESSAGE=kept\nBERTH_NAME=x\n");
});
