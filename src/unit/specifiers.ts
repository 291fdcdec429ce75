/** Specifiers of systemd.unit(5) that a unit's own name decides; they are all that [Install] needs without a running system. */
import { Failure } from "../errors.ts";

/** `text` with `%n`, `%N`, `%p`, `%i`, `%j` and `%%` replaced for a unit of this name. UNIT_INVALID for any other. */
export function expandInstallSpecifiers(text: string, unit: string): string {
  return text.replaceAll(/%(.?)/g, (specifier, letter: string) => {
    const value = specifierValue(letter, unit);
    if (value === undefined)
      throw new Failure("UNIT_INVALID", `${specifier} in [Install] of ${unit} needs a running system`);
    return value;
  });
}

function specifierValue(letter: string, unit: string): string | undefined {
  const bare = unit.slice(0, unit.lastIndexOf("."));
  const [prefix = "", instance = ""] = bare.split(/@(.*)/s);
  switch (letter) {
    case "n":
      return unit;
    case "N":
      return bare;
    case "p":
      return prefix;
    case "i":
      return instance;
    case "j":
      return prefix.slice(prefix.lastIndexOf("-") + 1);
    case "%":
      return "%";
    default:
      return undefined;
  }
}
