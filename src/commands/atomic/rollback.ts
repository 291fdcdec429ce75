import { currentDeployment } from "../../deploy/containers.ts";
import { Failure, isFailure } from "../../errors.ts";
import { layoutOf } from "../../store/layout.ts";
import { line, type View } from "../../view.ts";
import type { Context, Handler } from "../command.ts";
import { callVerb } from "./call-verb.ts";
import { missing, notInstalled } from "./refuse.ts";
import type { Words } from "./spelling.ts";

interface Result {
  name: string;
  to: { deployment: number };
  notes: string[];
  state: string;
}

export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<Result> {
  const [name = ""] = args;
  const { state } = context.config;
  try {
    const result = await missing(notInstalled(name), () =>
      callVerb<Omit<Result, "state">>(verb, { context, args, options }),
    );
    return { ...result, state };
  } catch (error) {
    if (!isFailure(error, "NO_PREVIOUS")) throw error;
    const layout = layoutOf(state);
    const other = (await currentDeployment(layout, name)) === 0 ? 1 : 0;
    const path = layout.deployment(name, other);
    throw new Failure(
      "NO_PREVIOUS",
      `Error: Cannot find a previous deployment to rollback located at ${path}`,
      { hint: error.hint, cause: error },
    );
  }
}

export function view({ name, to, notes, state }: Result): View {
  return [
    line(`Attempting to roll back system container: ${name}`),
    line(
      `Rolling back container ${name} to the checkout at ${layoutOf(state).deployment(name, to.deployment)}`,
    ),
    ...notes.map((text) => line(text)),
  ];
}
