import type { InstallRequest } from "../deploy/request.ts";
import { parseVolume } from "../deploy/volume.ts";
import { givenValues } from "./given-values.ts";
import type { SandboxOptions } from "./options.ts";

/** Of a request, what SandboxOptions say. */
export async function sandboxRequest(
  options: SandboxOptions,
): Promise<
  Pick<InstallRequest, "name" | "values" | "environment" | "volumes" | "platform" | "authFile" | "tlsVerify">
> {
  return {
    name: options.name,
    values: await givenValues(options),
    environment: options.env,
    volumes: options.volume.map(parseVolume),
    platform: options.platform,
    authFile: options.authfile,
    tlsVerify: options.tlsVerify,
  };
}
