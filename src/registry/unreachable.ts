import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import { Transient } from "./retry.ts";

/** Errors that another attempt will meet again. */
const LASTING =
  /^(?:ENOTFOUND|ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|EPROTO|ERR_INVALID|UND_ERR_INVALID)/;
const CERTIFICATE = /CERT|UNABLE_TO|SELF_SIGNED|ALTNAME/;

/** A connection error as a Failure with host, reason and advice; Transient where waiting may help. */
export function unreachable(error: unknown, host: string): Failure | Transient {
  const code = codeOf(error);
  const failure = new Failure(
    "REGISTRY_UNREACHABLE",
    `registry ${host} cannot be reached: ${reasonOf(error, code)}`,
    {
      hint: hintFor(code, host),
      cause: presentable(error, code),
    },
  );
  return LASTING.test(code) ? failure : new Transient(failure);
}

/** OpenSSL's messages end in a newline, that of a failure on several addresses is empty, and Node's give advice about Node. */
function presentable(error: unknown, code: string): unknown {
  if (!(error instanceof Error)) return error;
  const message = error.message.replace(/; if the root CA is installed locally.*$/s, "");
  if (message !== "" && message === error.message && !/\p{Cc}/u.test(message)) return error;
  return new Error(message === "" ? code : printable(message.trim(), 400));
}

function codeOf(error: unknown): string {
  const { code, cause, name } = error as { code?: unknown; cause?: unknown; name?: unknown };
  if (typeof code === "string" && code !== "UND_ERR_SOCKET") return code;
  if (cause instanceof Error && cause !== error) return codeOf(cause);
  return typeof code === "string" ? code : typeof name === "string" ? name : "";
}

function reasonOf(error: unknown, code: string): string {
  const known = REASONS[code];
  if (known !== undefined) return known;
  if (code.includes("WRONG_VERSION") || code === "EPROTO" || code.includes("PACKET_LENGTH"))
    return "it does not speak https on this port";
  const text = error instanceof Error && error.message !== "" ? error.message : code;
  return printable(text === "" ? "unknown error" : text, 200);
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the name server does not answer",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  UND_ERR_CONNECT_TIMEOUT: "no connection within the time limit",
  UND_ERR_HEADERS_TIMEOUT: "no answer within the time limit",
  UND_ERR_BODY_TIMEOUT: "the answer stopped arriving",
  TimeoutError: "the answer took too long",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an authority that this host does not trust",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by an authority that this host does not trust",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its certificate is signed by an authority that this host does not trust",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host name",
};

function hintFor(code: string, host: string): string {
  if (CERTIFICATE.test(code))
    return `Put the authority's certificate into /etc/containers/certs.d/${host}/ca.crt.`;
  if (code.includes("WRONG_VERSION") || code === "EPROTO" || code.includes("PACKET_LENGTH"))
    return `If it is meant to speak plain http, mark it insecure = true in /etc/containers/registries.conf.`;
  return `Check the name, the network and that the registry ${host} is running.`;
}
