/**
 * Looks at an image and copies it: `npm run example -- docker://quay.io/coreos/etcd:v3.5.9 oci:/srv/images:etcd`.
 * Node 24 runs TypeScript as it is. A policy (policy.json) is asked by the command `berth copy`, not by the library.
 */
import {
  copy,
  Failure,
  formatReference,
  openDestination,
  openSource,
  parseReference,
  Registry,
  type RegistryReference,
  resolveImage,
} from "berth";

async function main([from = "", to = ""]: string[]): Promise<void> {
  const reference = parseReference(from);
  if (reference.transport === "docker") await showTags(reference);
  const source = await openSource(reference);
  try {
    const { config, manifest } = await resolveImage(source);
    console.log(`${formatReference(source.reference)}: ${config.os}/${config.architecture}, ${manifest.layers.length} layers`);
    const destination = await openDestination(parseReference(to));
    try {
      const { digest, blobs } = await copy({ source, destination });
      console.log(`${formatReference(destination.reference)}: ${digest}, ${blobs.copied} blobs copied`);
    } finally {
      await destination.close();
    }
  } finally {
    await source.close();
  }
}

async function showTags(reference: RegistryReference): Promise<void> {
  const registry = await Registry.open(reference);
  try {
    console.log(`${reference.registry}/${reference.repository}: tags ${(await registry.tags()).join(", ")}`);
  } finally {
    await registry.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof Failure)) throw error;
  console.error(`${error.code}: ${error.message}${error.hint === undefined ? "" : `\n${error.hint}`}`);
  process.exitCode = 1;
});
