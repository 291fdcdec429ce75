import { Failure } from "../errors.ts";
import { storedName } from "./tag.ts";

/** What the image in an archive is called there, as the store would name it. NAME_AMBIGUOUS when there are several, REFERENCE_INVALID when it has no name. */
export async function archivedName(path: string): Promise<string> {
  const { listArchive } = await import("../transport/list-archive.ts");
  const images = await listArchive(path);
  if (new Set(images.map(({ reference }) => reference)).size > 1) {
    const names = images.flatMap(({ name }) => name ?? []);
    throw new Failure("NAME_AMBIGUOUS", `${path} holds several images: ${names.join(", ")}`, {
      hint: `name one: docker-archive:${path}:NAME`,
    });
  }
  const name = images[0]?.name;
  if (name !== undefined) return storedName(name);
  throw new Failure("REFERENCE_INVALID", `the image in ${path} has no name`, {
    hint: `give it one: berth pull docker-archive:${path} --as NAME`,
  });
}
