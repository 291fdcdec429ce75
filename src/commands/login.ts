import { type LoggedIn, loggedInUser, login } from "../deploy/registry.ts";
import { Failure } from "../errors.ts";
import { withHost } from "../host.ts";
import { askTerminal, readStandardInput } from "../sys/terminal.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { LoginOptions } from "./options.ts";

const PASSWORD_LIMIT = 64 * 1024;

export type LoginResult = LoggedIn | { registry: string; user: string };

export async function run(
  context: Context,
  [registry = ""]: string[],
  options: LoginOptions,
): Promise<LoginResult> {
  const { authfile, tlsVerify, getLogin } = options;
  return withHost(context, async (host) => {
    if (getLogin) return await loggedInUser(host, { registry, authFile: authfile });
    const { user, password } = await askWho(registry, { options, signal: context.signal });
    return await login(host, { registry, user, password, authFile: authfile, tlsVerify });
  });
}

export function view(result: LoginResult): View {
  if (!("storedIn" in result)) return [line(result.user)];
  const { registry, user, storedIn, verified } = result;
  return [
    line(
      "logged in to ",
      { text: registry, tone: "strong" },
      ` as ${user}; the credentials are in ${storedIn}`,
    ),
    ...(verified
      ? []
      : [
          line({
            text: "the registry did not ask for them, so they are not known to be right",
            tone: "warn",
          }),
        ]),
    ...(storedIn.startsWith("/run/")
      ? [line({ text: "/run is empty after a boot; --authfile names a file that stays", tone: "dim" })]
      : []),
  ];
}

/** A password stands neither on the command line nor in the environment: others can read those. */
async function askWho(
  registry: string,
  { options, signal }: { options: LoginOptions; signal: AbortSignal },
): Promise<{ user: string; password: string }> {
  const { username, passwordStdin } = options;
  if (passwordStdin) {
    if (username === undefined)
      throw new Failure("USAGE", "--password-stdin needs --username", { hint: "add --username NAME" });
    const text = await readStandardInput({ limit: PASSWORD_LIMIT });
    if (text === undefined) throw new Failure("USAGE", `the password is longer than ${PASSWORD_LIMIT} bytes`);
    return complete({ user: username, password: text.replace(/\r?\n$/, "") });
  }
  const user = username ?? (await askTerminal({ text: `Username for ${registry}: `, signal }));
  const password =
    user && (await askTerminal({ text: `Password for ${user} at ${registry}: `, secret: true, signal }));
  if (user === undefined || password === undefined)
    throw new Failure("USAGE", "there is no terminal to ask for the password on", {
      hint: "give it with --username NAME --password-stdin",
    });
  return complete({ user, password });
}

function complete(who: { user: string; password: string }): { user: string; password: string } {
  if (who.user !== "" && !who.user.includes(":") && who.password !== "") return who;
  throw new Failure("USAGE", "a user name without colon and a password are needed");
}
