/** What an image in the /exports format offers and asks for, told before anything is installed. Pure. */
import { isFailure } from "../errors.ts";
import { convertRuntimeConfig } from "../oci/convert-runtime-config.ts";
import { checkRuntimeConfig, type RuntimeConfig } from "../oci/runtime-config.ts";
import { substitute, type TemplateValues, variablesIn } from "../render/substitute.ts";
import type { Exports } from "./exports.ts";
import { type HostAccess, hostAccessOf } from "./host-access.ts";
import { installedFiles } from "./installed-files.ts";
import { CAPABILITIES } from "./plan-config.ts";
import { fileAccess } from "./plan-installed.ts";
import { HOST_VARIABLES, valuesOf } from "./values.ts";

export interface TemplateVariable {
  name: string;
  /** `image`: it has a default; `host`: berth knows it; `none`: it has to be set. */
  from: "image" | "host" | "none";
  default?: string;
}

export interface DescribedExports {
  /** Whether it brings a service, or files for the host alone. */
  service: boolean;
  variables: TemplateVariable[];
  hostAccess: HostAccess[];
  /** What its configuration asks for depends on values that are not known: `hostAccess` is without it. */
  incomplete?: true;
}

/** Names in templates stand as `$NAME` where their value is not known yet. */
export function describeExports(exports: Exports): DescribedExports {
  const { manifest } = exports;
  const values = knownValues(exports);
  const config = configOf(exports, values);
  const service = !manifest.noContainerService;
  return {
    service,
    variables: templateVariables(exports),
    hostAccess: [
      ...filesOf(exports, values),
      ...hostAccessOf({
        name: "$NAME",
        unitText: service ? filled(exports.serviceTemplate, values) : undefined,
        tmpfilesText: filled(exports.tmpfilesTemplate, values),
        execStart: EXEC_START,
        config: service && config !== "unknown" ? config : undefined,
        usual: CAPABILITIES,
      }),
    ],
    ...(service && config === "unknown" ? { incomplete: true as const } : {}),
  };
}

/** Each variable of the templates and each that has a default, sorted by name. */
export function templateVariables(exports: Exports): TemplateVariable[] {
  const { defaultValues } = exports.manifest;
  const names = new Set([...templatesOf(exports).flatMap(variablesIn), ...Object.keys(defaultValues)]);
  return [...names].sort().map((name): TemplateVariable => {
    if (HOST_VARIABLES.has(name)) return { name, from: "host" };
    const value = Object.hasOwn(defaultValues, name) ? defaultValues[name] : undefined;
    return value === undefined ? { name, from: "none" } : { name, from: "image", default: value };
  });
}

const EXEC_START = "$EXEC_START";

function templatesOf({
  config,
  configTemplate,
  serviceTemplate,
  tmpfilesTemplate,
  manifest,
}: Exports): string[] {
  const { cmd, tcp, http } = manifest.health ?? {};
  return [
    config === undefined ? configTemplate : undefined,
    serviceTemplate,
    tmpfilesTemplate,
    ...Object.values(manifest.renameFiles),
    ...[cmd, tcp, http],
  ].filter((text) => text !== undefined);
}

function knownValues(exports: Exports): TemplateValues {
  const host = {
    ...{ name: "$NAME", dir: "$DESTDIR", runtime: "$RUNTIME", atomic: "$ATOMIC", uuid: "$UUID" },
    ...{ uid: 0, gid: 0, capabilities: undefined, execStart: EXEC_START },
    image: { name: "$IMAGE_NAME", id: "$IMAGE_ID" },
  };
  const values = valuesOf({}, { defaults: exports.manifest.defaultValues, host });
  const missing = templatesOf(exports)
    .flatMap(variablesIn)
    .filter((name) => !Object.hasOwn(values, name));
  return { ...values, ...Object.fromEntries(missing.map((name) => [name, `$${name}`])) };
}

/** A template that cannot be rendered says nothing here; an install tells why. */
function filled(text: string | undefined, values: TemplateValues): string | undefined {
  try {
    return text === undefined ? undefined : substitute(text, values, { file: "" });
  } catch (error) {
    if (isFailure(error, "TEMPLATE_INVALID")) return undefined;
    throw error;
  }
}

/** What an image's templates will hold is not asked here. */
function filesOf(exports: Exports, values: TemplateValues): HostAccess[] {
  try {
    const { files } = installedFiles(exports, { values, contentOf: () => Buffer.alloc(0) });
    return fileAccess(files);
  } catch (error) {
    if (isFailure(error)) return [];
    throw error;
  }
}

function configOf(
  { config, configTemplate }: Exports,
  values: TemplateValues,
): RuntimeConfig | "unknown" | undefined {
  const text = config ?? filled(configTemplate, values);
  if (text === undefined) return configTemplate === undefined ? undefined : "unknown";
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    if (Object.keys(value).length === 0) return undefined;
    const host = { selinux: true, apparmor: true, capabilities: undefined };
    return checkRuntimeConfig(convertRuntimeConfig(value, host).config, "config.json");
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || isFailure(error)) return "unknown";
    throw error;
  }
}
