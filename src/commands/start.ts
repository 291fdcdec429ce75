import { controlWith, viewControlled } from "./controlled.ts";

export const run: ReturnType<typeof controlWith> = controlWith("start");
export const view: typeof viewControlled = viewControlled;
