/** Installs and uninstalls its own container some times on an offline tree, beside others. installer-main.ts ROOT REFERENCE NAME ROUNDS */
import { documentOf } from "./crash.ts";

const [root = "", reference = "", name = "", rounds = ""] = process.argv.slice(2);
const image = `example.com/${name}:1`;

for (let round = 0; round < Number(rounds); round++) {
  if (round > 0) await documentOf(root, "uninstall", name);
  if (round % 2 === 0) await documentOf(root, "pull", reference, "--as", image);
  await documentOf(root, "install", image, "--name", name, "--runtime", "systemd");
}
