import { pinWith, viewPinned } from "./pinned.ts";

export const run: ReturnType<typeof pinWith> = pinWith(false);
export const view: typeof viewPinned = viewPinned;
