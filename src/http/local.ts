import type { IncomingMessage } from "node:http";

const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/;
/** What a proxy adds: it is local, its clients need not be. */
const FORWARDED = /^(?:forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/;
/** Names that no name server can make those of a page elsewhere, which a browser here would be made to read this by. */
const LOCAL_HOST = /^(?:localhost|(?:[a-z0-9-]+\.)+localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i;

/** Whether a request comes from this machine, by its loopback interface or a unix socket, and from no other by way of it. */
export function isLocal({ socket, headers, httpVersion }: IncomingMessage): boolean {
  if (Object.keys(headers).some((name) => FORWARDED.test(name))) return false;
  // nginx, unless it is told to say more; no browser or curl says both, not even those for terminals.
  if (httpVersion === "1.0" && headers.connection === "close") return false;
  const { remoteAddress } = socket;
  if (remoteAddress === undefined) return socket.remoteFamily === undefined && !socket.destroyed;
  // HTTP/2 has the one in place of the other.
  const host = headers.host ?? (headers[":authority"] as string | undefined);
  return LOOPBACK.test(remoteAddress) && (host === undefined || LOCAL_HOST.test(host));
}
