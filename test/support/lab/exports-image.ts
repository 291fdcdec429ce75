/** Images in the /exports format: one of the laboratory's with a layer of templates on it, made by umoci. */
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { addLayer, type ImageName, imageLayouts } from "./images.ts";
import type { Machine } from "./machine.ts";

export interface ExportsImage {
  of: ImageName;
  /** Directory below the machine's /var that becomes its layout. */
  as: string;
  /** Contents by path below /exports. */
  files: Readonly<Record<string, string>>;
}

/** Puts the image into the machine and gives its reference there. */
export async function makeExportsImage(lab: Machine, { of, as, files }: ExportsImage): Promise<string> {
  const layout = join(lab.dir, "var", as);
  await rm(layout, { recursive: true, force: true });
  await cp(join(await imageLayouts(), of), layout, { recursive: true });
  await addLayer(`${layout}:latest`, async (tree) => {
    for (const [path, content] of Object.entries(files)) {
      const file = join(tree, "exports", path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
  });
  return `oci:/var/${as}:latest`;
}
