import { type ExecaMethod, execa } from "execa";

/** Aborted by a script on Ctrl-C: ends the tools that run, so that what they were making is removed. */
export const interruption: AbortController = new AbortController();

/** Runs one of the host's tools to its end; an error shows what it said. */
export const tool: ExecaMethod<{ cancelSignal: AbortSignal }> = execa({ cancelSignal: interruption.signal });
