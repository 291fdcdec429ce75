import { type CopyResult, copy } from "../deploy/copy.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import { refuseTogether } from "./exclusive.ts";
import type { CopyOptions } from "./options.ts";

export async function run(
  context: Context,
  [from = "", to = ""]: string[],
  { key, ...options }: CopyOptions,
): Promise<CopyResult> {
  refuseTogether({ "--all": options.all === true, "--platform": options.platform !== undefined });
  const { authfile, tlsVerify, srcAuthfile, srcTlsVerify, destAuthfile, destTlsVerify } = options;
  const source = { authFile: srcAuthfile ?? authfile, tlsVerify: srcTlsVerify ?? tlsVerify };
  const destination = { authFile: destAuthfile ?? authfile, tlsVerify: destTlsVerify ?? tlsVerify };
  return withHost(context, (host) => copy(host, { from, to, source, destination, keyFile: key, ...options }));
}

export function view({ destination, digest, sourceDigest, images, blobs }: CopyResult): View {
  const there = blobs.present === 0 ? "" : `, ${blobs.present} were there`;
  const count = images === 1 ? "" : `${images} images, `;
  return [
    line({ text: destination, tone: "strong" }, ` ${digest}`),
    line(`${count}${blobs.copied} blobs copied, `, { bytes: blobs.bytes }, there),
    ...(digest === sourceDigest ? [] : [line("converted: it was ", sourceDigest)]),
  ];
}
