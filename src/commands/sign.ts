import { type SignedImage, sign } from "../deploy/sign.ts";
import { withHost } from "../host.ts";
import { line, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { SignOptions } from "./options.ts";

export interface SignResult {
  images: SignedImage[];
}

export async function run(context: Context, images: string[], options: SignOptions): Promise<SignResult> {
  const { key, authfile, ...rest } = options;
  return withHost(context, async (host) => {
    const signed: SignedImage[] = [];
    for (const image of images)
      signed.push(await sign(host, { image, keyFile: key, authFile: authfile, ...rest }));
    return { images: signed };
  });
}

export function view({ images }: SignResult): View {
  return images.flatMap(({ identity, signatures }) => [
    line({ text: identity, tone: "strong" }, " is signed"),
    table(
      [{ title: "DIGEST" }, { title: "SIGNATURE", elastic: true }],
      signatures.map(({ digest, place }) => [{ digest }, place]),
    ),
  ]);
}
