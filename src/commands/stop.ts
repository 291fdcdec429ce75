import type { View } from "../view.ts";

export function run(): Promise<object> {
  throw new Error("stop: not written yet");
}

export function view(): View {
  return [];
}
