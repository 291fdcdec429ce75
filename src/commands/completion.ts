import { Failure } from "../errors.ts";
import { exact, type View } from "../view.ts";
import { bashCompletion } from "./bash-completion.ts";
import type { Context } from "./command.ts";
import { spelled } from "./spellings.ts";

export interface CompletionResult {
  shell: "bash";
  script: string;
}

export async function run(
  { verbs, personality }: Context,
  [shell = ""]: string[],
): Promise<CompletionResult> {
  if (shell !== "bash")
    throw new Failure("USAGE", `no completion for the shell ${JSON.stringify(shell)}`, {
      hint: "there is one for bash",
    });
  return { shell, script: bashCompletion(await spelled(verbs, personality), personality) };
}

export function view({ script }: CompletionResult): View {
  return [exact(script)];
}
