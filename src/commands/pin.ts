import { pinWith, viewPinned } from "./pinned.ts";

export const run: ReturnType<typeof pinWith> = pinWith(true);
export const view: typeof viewPinned = viewPinned;
