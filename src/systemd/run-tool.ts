/** systemd's command line tools, without a shell. */
import { Failure } from "../errors.ts";

/** What the tools need to speak plainly: no colours, no pager, no translation. */
export const TOOL_ENVIRONMENT: Record<string, string> = {
  LC_ALL: "C.UTF-8",
  SYSTEMD_COLORS: "0",
  SYSTEMD_PAGER: "",
  SYSTEMD_LOG_LEVEL: "info",
  SYSTEMD_LOG_TARGET: "console",
};

export interface ToolResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs a tool to its end. NO_SYSTEMD when it is not installed, INTERRUPTED by the signal; the exit code is the caller's. */
export async function runTool(
  tool: string,
  args: readonly string[],
  { signal, env = {} }: { signal?: AbortSignal | undefined; env?: Record<string, string> } = {},
): Promise<ToolResult> {
  const { execa } = await import("execa");
  const result = await execa(tool, args, {
    stdin: "ignore",
    reject: false,
    env: { ...TOOL_ENVIRONMENT, ...env },
    ...(signal && { cancelSignal: signal }),
  });
  if (result.isCanceled)
    throw new Failure("INTERRUPTED", `interrupted while ${tool} ran`, { cause: signal?.reason });
  if (result.exitCode === undefined) {
    const missing = result.code === "ENOENT";
    const reason = missing
      ? "is not installed"
      : `did not end by itself: ${result.shortMessage ?? "unknown reason"}`;
    throw new Failure("NO_SYSTEMD", `${tool} ${reason}`, { cause: result });
  }
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}
