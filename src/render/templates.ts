/**
 * The one call of EJS. EJS templates are code, so only host-owned ones are run: berth's own in templates/, or the
 * admin's in /etc/berth/templates, which must belong to root and be writable by nobody else. An image's templates are
 * never EJS.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { findHome } from "../home.ts";

const TEMPLATES = [
  "service.ejs",
  "10-berth.conf.ejs",
  "tmpfiles.conf.ejs",
  "sysusers.conf.ejs",
  "config.json.ejs",
] as const;

export type TemplateName = (typeof TEMPLATES)[number];

/**
 * The text that a template makes of `data`. Inside a template `json(value)` gives JSON text, and nothing is escaped: what
 * goes into a unit is quoted before.
 * @throws Failure TEMPLATE_INVALID naming the file, with EJS' reason as cause.
 */
export type Render = (name: TemplateName, data: Readonly<Record<string, unknown>>) => string;

/** Where berth's own templates lie. */
const OWN_TEMPLATES = join(findHome(), "templates");

/**
 * Reads all templates once, so that rendering itself does no I/O. A file of the same name in `overrides`, the admin's
 * directory, replaces berth's own.
 * @throws Failure TEMPLATE_INVALID when an override is not root's own.
 */
export async function loadTemplates(overrides: string): Promise<Render> {
  const { default: ejs } = await import("ejs");
  const loaded = new Map<TemplateName, { file: string; text: string }>();
  for (const name of TEMPLATES) {
    const override = join(overrides, name);
    const file = (await isTrustedOverride(override)) ? override : join(OWN_TEMPLATES, name);
    loaded.set(name, { file, text: await readFile(file, "utf8") });
  }
  return (name, data) => {
    const template = loaded.get(name);
    if (template === undefined) throw new Error(`no template ${name}`);
    try {
      return ejs.render(
        template.text,
        { ...data, json: JSON.stringify },
        { filename: template.file, escape: String },
      );
    } catch (cause) {
      throw new Failure("TEMPLATE_INVALID", `the template ${template.file} cannot be rendered`, {
        cause,
        hint: "correct it; a template of yours can be removed to use berth's own",
      });
    }
  };
}

async function isTrustedOverride(path: string): Promise<boolean> {
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    found = await stat(path);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return false;
    throw error;
  }
  if (found.uid !== 0 || (found.mode & 0o022) !== 0) {
    throw new Failure(
      "TEMPLATE_INVALID",
      `the template ${path} is not used: it is code that would run as root`,
      {
        hint: `make it root's own: chown root ${path} && chmod go-w ${path}`,
      },
    );
  }
  return true;
}
