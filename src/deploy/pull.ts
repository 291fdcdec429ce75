/** pull: a reference becomes an image of the store. resolve -> policy -> layers into the store -> name the image last. */
import { isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parsePlatform } from "../oci/platform.ts";
import { absoluteReference, formatReference, parseReference, type Reference } from "../oci/reference.ts";
import { formatSignature } from "../oci/signature.ts";
import {
  type AcceptedImage,
  type AcceptedManifest,
  acceptManifest,
  acceptOrRefresh,
  acceptStored,
  refuseEarly,
} from "./accept.ts";
import type { PullRequest } from "./request.ts";

export interface Pulled extends AcceptedImage {
  /** Layers that had to be fetched, and their sizes together as transferred, in bytes. */
  fetched: { layers: number; bytes: number };
}

/** The policy is asked before the first layer, and the image has a name only when all of it is here. */
export async function pull(host: Host, request: PullRequest): Promise<Pulled> {
  host.requireRoot("pull an image");
  if (request.as !== undefined) parseReference(request.as); // a name must be one that can be typed again
  const { candidatesOf } = await import("../transport/source.ts");
  const candidates = await candidatesOf(request.image, host.config.root);
  for (const [at, reference] of candidates.entries()) {
    await refuseEarly(host, reference);
    try {
      return await pullReference(host, reference, request);
    } catch (error) {
      if (!isFailure(error, "IMAGE_UNKNOWN") || at === candidates.length - 1) throw error;
    }
  }
  throw new Error(`nothing was tried for ${request.image}`);
}

/**
 * The image of the store that `request` means, or one of an additional store (in place where it is ready there), the policy
 * asked anew; or else the one a registry has.
 */
export async function findOrPull(host: Host, request: PullRequest): Promise<AcceptedImage> {
  if (request.platform !== undefined) parsePlatform(request.platform); // a slip, also where the store has the image
  const stored = await (await host.store()).find(request.image);
  if (stored !== undefined) return await acceptOrRefresh(host, stored, request);
  const isShared = host.config.additionalStores.length > 0;
  const ready = isShared ? await (await host.store()).findReady(request.image) : undefined;
  if (ready !== undefined) {
    const { state, rootfs, ...named } = ready;
    return { ...(await acceptStored(host, named)), ready: { state, rootfs } };
  }
  const borrowed = isShared ? await (await host.writableStore()).borrow(request.image) : undefined;
  return borrowed === undefined ? await pull(host, request) : await acceptOrRefresh(host, borrowed, request);
}

async function pullReference(host: Host, reference: Reference, request: PullRequest): Promise<Pulled> {
  const name = formatReference(reference);
  host.report({ type: "step", step: "pull", name });
  const source = await host.source(reference, { authFile: request.authFile, tlsVerify: request.tlsVerify });
  try {
    const { resolveImage } = await import("../transport/resolve-image.ts");
    let accepted: AcceptedManifest | undefined;
    const { digest, manifestBytes, configBytes } = await resolveImage(source, {
      platform: request.platform === undefined ? undefined : parsePlatform(request.platform),
      accept: async (manifest) => {
        accepted = await acceptManifest(host, source, manifest);
      },
    });
    if (accepted === undefined) throw new Error("the policy was not asked");
    const { verdict, signatures } = accepted as AcceptedManifest;
    const store = await host.writableStore();
    host.report({ type: "resolved", reference: name, digest });
    const fetched = { layers: 0, bytes: 0 };
    const keepsBlobs = request.keepBlobs === true || host.config.keepBlobs;
    const fetch = (layer: Descriptor): AsyncIterable<Uint8Array> => {
      fetched.layers += 1;
      fetched.bytes += layer.size;
      return source.blob(layer);
    };
    const origin = formatReference(absoluteReference(reference));
    const image = await store.add(
      {
        manifestBytes,
        configBytes,
        digest,
        names: [request.as ?? name],
        source: origin,
        signatures: signatures.map(formatSignature),
      },
      {
        blob: (layer) => (keepsBlobs ? store.keepBlob(layer, fetch(layer)) : fetch(layer)),
        report: host.report,
        signal: host.signal,
      },
    );
    if (keepsBlobs) await store.keepBlobs(image, fetch);
    return { name: request.as ?? name, image, source: origin, verdict, fetched };
  } finally {
    await source.close();
  }
}
