import { controlWith, exitStatusControlled, viewControlled } from "./controlled.ts";

export const run: ReturnType<typeof controlWith> = controlWith("start");
export const view: typeof viewControlled = viewControlled;
export const exitStatus: typeof exitStatusControlled = exitStatusControlled;
