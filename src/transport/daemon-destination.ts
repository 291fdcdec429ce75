import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import { asObject, parseJson } from "../oci/json.ts";
import { printable } from "../oci/printable.ts";
import { type DaemonReference, formatReference, type RegistryReference } from "../oci/reference.ts";
import type { Destination, DestinationOptions } from "./destination.ts";
import { ArchiveWriter } from "./docker-archive-destination.ts";
import { askEngine, readAnswer } from "./engine.ts";
import { TarWriter } from "./tar-writer.ts";

/** An image for a container engine: a docker-archive that is put aside and, when it is whole, given to the engine's API. */
export class DaemonDestination extends ArchiveWriter implements Destination {
  readonly reference: DaemonReference;
  readonly #signal: AbortSignal | undefined;

  static async open(
    reference: DaemonReference,
    options: DestinationOptions = {},
  ): Promise<DaemonDestination> {
    const { image } = reference;
    if (typeof image === "string" || image.digest !== undefined)
      throw new Failure("UNSUPPORTED", `${formatReference(reference)}: an engine gives ids itself`, {
        hint: "Write docker-daemon:NAME:TAG.",
      });
    const path = join(process.env["TMPDIR"] || "/var/tmp", `berth-${randomBytes(8).toString("hex")}.tar`);
    return new DaemonDestination(reference, { tar: await TarWriter.create(path), name: image, options });
  }

  private constructor(
    reference: DaemonReference,
    { tar, name, options }: { tar: TarWriter; name: RegistryReference; options: DestinationOptions },
  ) {
    super(tar, name);
    this.reference = reference;
    this.#signal = options.signal;
  }

  async commit(): Promise<void> {
    await this.describe();
    const file = await open(await this.tar.end(), "r");
    try {
      const { size } = await file.stat();
      const content = file.createReadStream({ autoClose: false, highWaterMark: 1 << 18 });
      const body = { size, content: content as AsyncIterable<Uint8Array> };
      const answer = await askEngine({
        method: "POST",
        path: "/images/load?quiet=1",
        body,
        signal: this.#signal,
      });
      checkLoaded(await readAnswer(answer), formatReference(this.reference));
    } finally {
      await file.close();
    }
  }
}

/** The answer is one JSON object after the other; an error comes with status 200 too. */
function checkLoaded(answer: string, name: string): void {
  for (const line of answer.split("\n").filter((each) => each.trim() !== "")) {
    const { error } = asObject(parseJson(line, "answer of the engine"), "answer of the engine");
    if (error === undefined || error === null || error === "") continue;
    throw new Failure("UNSUPPORTED", `${name}: the engine refuses the image: ${printable(String(error))}`);
  }
}
