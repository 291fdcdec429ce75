/** The filters of `berth images`, in podman's words. Pure. */
import { matchesGlob } from "node:path";
import { Failure } from "../errors.ts";
import type { NamedImage } from "../store/store.ts";

export type ImageFilter = (image: NamedImage) => boolean;

/**
 * `reference=PATTERN` (a name or its end, `*` and `?` within a component), `label=NAME[=VALUE]`, `before=IMAGE` and `since=IMAGE`
 * (by the time the image was made). `find` says which image is meant. USAGE.
 */
export async function parseFilter(
  text: string,
  find: (typed: string) => Promise<NamedImage>,
): Promise<ImageFilter> {
  const at = text.indexOf("=");
  const [key, value] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  switch (key) {
    case "reference":
      return ({ name }) =>
        endsOf(name).some((end) => matchesGlob(end, value) || matchesGlob(end, `${value}:*`));
    case "label":
      return labelFilter(value);
    case "before":
    case "since": {
      const limit = madeAt(await find(value));
      return key === "before" ? (image) => madeAt(image) < limit : (image) => madeAt(image) > limit;
    }
    default:
      throw new Failure("USAGE", `${JSON.stringify(text)} is no filter`, {
        hint: "Filters are reference=PATTERN, label=NAME[=VALUE], before=IMAGE and since=IMAGE.",
      });
  }
}

function labelFilter(value: string): ImageFilter {
  const at = value.indexOf("=");
  const [label, wanted] = at === -1 ? [value] : [value.slice(0, at), value.slice(at + 1)];
  return ({ image }) => {
    const { labels } = image.config.config;
    return label in labels && (wanted === undefined || labels[label] === wanted);
  };
}

/** The name and what is left of it after each `/`. */
function endsOf(name: string): string[] {
  const parts = name.split("/");
  return parts.map((_, at) => parts.slice(at).join("/"));
}

/** Milliseconds; an image that does not say is as old as can be. */
function madeAt({ image }: NamedImage): number {
  const time = Date.parse(image.config.created ?? "");
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}
