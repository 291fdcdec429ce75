/** A registry that keeps signatures itself (X-Registry-Supports-Signatures), in front of one that does not. */
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";

export interface SignatureRegistry {
  host: string;
  /** What it keeps, by path. */
  signatures: Map<string, object[]>;
  close(): Promise<void>;
}

export async function startSignatureRegistry(behind: string): Promise<SignatureRegistry> {
  const signatures = new Map<string, object[]>();
  const server = createServer((request, response) => {
    const { url = "", method = "GET", headers } = request;
    response.setHeader("X-Registry-Supports-Signatures", "1");
    if (!url.startsWith("/extensions/")) {
      const [hostname, port] = behind.split(":");
      const passed = forward({ hostname, port, path: url, method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(passed);
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const kept = signatures.get(url) ?? [];
      if (method === "PUT")
        signatures.set(url, [...kept, JSON.parse(Buffer.concat(chunks).toString()) as object]);
      response.writeHead(method === "PUT" ? 201 : 200, { "content-type": "application/json" });
      response.end(method === "PUT" ? "" : JSON.stringify({ signatures: kept }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    signatures,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
