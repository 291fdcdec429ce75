import { line, type View } from "../../view.ts";

export async function run(): Promise<{ trimmed: [] }> {
  return { trimmed: [] };
}

export function view(): View {
  return [line("There are no containers with disks of their own to trim.")];
}
