import type { IncomingMessage } from "node:http";

const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/;
/** What a proxy adds: it is local, its clients need not be. */
const FORWARDED = /^(?:forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/;
/** Names that no name server can make those of a page elsewhere, which a browser here would be made to read this by. */
const LOCAL_HOST = /^(?:localhost|(?:[a-z0-9-]+\.)+localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i;

/** Whether a request comes from this machine, by its loopback interface or a unix socket, and from no other by way of it. */
export function isLocal({ socket, headers, httpVersion }: IncomingMessage): boolean {
  if (Object.keys(headers).some((name) => FORWARDED.test(name)) || !isOwnConnection(httpVersion, headers.connection)) {
    return false;
  }
  const { remoteAddress } = socket;
  if (remoteAddress === undefined) return socket.remoteFamily === undefined && !socket.destroyed;
  // HTTP/2 has the one in place of the other.
  const host = headers.host ?? (headers[":authority"] as string | undefined);
  return LOOPBACK.test(remoteAddress) && (host === undefined || LOCAL_HOST.test(host));
}

/**
 * Whether a client speaks for its connection as browsers do, those for terminals by saying nothing in HTTP/1.0. What it says
 * is not for a proxy to pass on (RFC 9110 section 7.6.1): nginx and HAProxy say `close` or nothing, and need not say more.
 */
function isOwnConnection(httpVersion: string, connection: string | undefined): boolean {
  if (httpVersion === "1.0") return connection !== "close";
  return httpVersion !== "1.1" || /\bkeep-alive\b/i.test(connection ?? "");
}
