/** Prunes an offline tree until the file STOP exists. pruner-main.ts ROOT STOP */
import { existsSync } from "node:fs";
import { documentOf } from "./crash.ts";

const [root = "", stop = ""] = process.argv.slice(2);

while (!existsSync(stop)) await documentOf(root, "prune");
