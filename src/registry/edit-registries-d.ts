/** Changes of registries.d that leave the rest of its files, comments included, as they are. */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Document, isMap, parseDocument } from "yaml";
import { Failure } from "../errors.ts";
import { writeDurably } from "../sys/durable.ts";
import { listYaml, registriesDDirectory } from "./load-registries-d.ts";

interface ScopeFile {
  path: string;
  document: Document;
}

/** What `trust add` knows to set. */
export interface ScopeSettings {
  lookaside?: string | undefined;
  lookasideStaging?: string | undefined;
  attachments?: boolean | undefined;
}

/** Sets what is given for a scope, in the file that has it or in one of its own; the file's path. CONFIG_INVALID. */
export async function setSignatureScope(
  root: string,
  scope: string,
  settings: ScopeSettings,
): Promise<string> {
  const directory = registriesDDirectory(root);
  const found = await fileOf(directory, scope);
  const { path, document } = found ?? {
    path: join(directory, `${scope.replaceAll("/", "-").replace(/[^\w.:*-]/g, "_")}.yaml`),
    document: parseDocument("docker: {}\n"),
  };
  const at = (key: string): string[] => ["docker", scope, key];
  if (!isMap(document.getIn(["docker", scope]))) document.setIn(["docker", scope], document.createNode({}));
  const values = {
    lookaside: settings.lookaside,
    "lookaside-staging": settings.lookasideStaging,
    "use-sigstore-attachments": settings.attachments,
  };
  for (const [key, value] of Object.entries(values)) if (value !== undefined) document.setIn(at(key), value);
  if (settings.lookaside !== undefined) document.deleteIn(at("sigstore"));
  const docker = document.get("docker");
  if (isMap(docker)) docker.flow = false;
  const map = document.getIn(["docker", scope]);
  if (isMap(map)) map.flow = false;
  await mkdir(directory, { recursive: true });
  await writeDurably(path, document.toString(), { mode: 0o644 });
  return path;
}

/** Removes a scope, and its file where nothing is left in it; the file's path, undefined where there was none. */
export async function deleteSignatureScope(root: string, scope: string): Promise<string | undefined> {
  const found = await fileOf(registriesDDirectory(root), scope);
  if (found === undefined) return undefined;
  const { path, document } = found;
  document.deleteIn(["docker", scope]);
  const left = document.toJS() as { docker?: object } | null;
  const isEmpty =
    Object.keys(left?.docker ?? {}).length === 0 && Object.keys(left ?? {}).every((key) => key === "docker");
  if (isEmpty) await rm(path);
  else await writeDurably(path, document.toString(), { mode: 0o644 });
  return path;
}

async function fileOf(directory: string, scope: string): Promise<ScopeFile | undefined> {
  for (const name of await listYaml(directory)) {
    const path = join(directory, name);
    const document = parseDocument(await readFile(path, "utf8"));
    if (document.errors.length > 0)
      throw new Failure(
        "CONFIG_INVALID",
        `${path} is not YAML: ${document.errors[0]?.message.split("\n", 1)[0]}`,
      );
    if (document.hasIn(["docker", scope])) return { path, document };
  }
  return undefined;
}
