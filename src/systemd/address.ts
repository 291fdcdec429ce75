/** D-Bus addresses, by the D-Bus specification, "Server Addresses". */

/**
 * The socket paths that a D-Bus address list names, in order, as net.connect() takes them (an abstract socket begins with
 * NUL). Transports other than unix sockets are left out: systemd has none.
 */
export function parseBusAddress(address: string): string[] {
  return address.split(";").flatMap((entry) => {
    const [transport, rest = ""] = splitOnce(entry, ":");
    if (transport !== "unix") return [];
    const values = new Map(rest.split(",").map((pair) => splitOnce(pair, "=")));
    const path = values.get("path");
    if (path !== undefined) return [unescapeValue(path)];
    const abstract = values.get("abstract");
    return abstract === undefined ? [] : [`\0${unescapeValue(abstract)}`];
  });
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

function unescapeValue(text: string): string {
  return text.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** The D-Bus object of a unit: every byte but letters and digits as _XX, as systemd's bus_path_escape() does. */
export function unitObjectPath(unit: string): string {
  let escaped = "";
  for (const [index, byte] of Buffer.from(unit).entries()) {
    const char = String.fromCharCode(byte);
    const keep = index === 0 ? /[A-Za-z]/.test(char) : /[A-Za-z0-9]/.test(char);
    escaped += keep ? char : `_${byte.toString(16).padStart(2, "0")}`;
  }
  return `/org/freedesktop/systemd1/unit/${escaped === "" ? "_" : escaped}`;
}
