import type { ListenAddress } from "../http/listener.ts";
import { parseAddress } from "../packet/address.ts";
import { illegal, numberOf } from "./values.ts";

const HIGHEST_PORT = 65_535;
/** Room for a path in sockaddr_un, without the closing zero: unix(7). */
const SOCKET_PATH_BYTES = 107;
/** Path characters of RFC 3986, section 3.3; no escapes, because a path is compared as it is requested. */
const URL_PATH = /^\/[\w.~!$&'()*+,;=:@/-]*$/;
/** Where the pages that tell the program's health are. */
const HEALTH_PATHS = /^\/(?:-\/|-$|healthz$)/;
const HOST_AND_PORT = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/;
/** RFC 1123, section 2.1; a last part of digits alone would be a broken IPv4 address. */
const HOST_NAME = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*(?![0-9]+$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;

/** Where to serve: the addresses given, or a port of all addresses. */
export function listenOf(addresses: readonly string[] | undefined, port: string): ListenAddress[] {
  if (addresses !== undefined) return addresses.map(listenAddressOf);
  return [{ kind: "tcp", host: undefined, port: numberOf("p", port, HIGHEST_PORT) }];
}

function listenAddressOf(text: string): ListenAddress {
  const path = text.startsWith("unix:") ? text.slice("unix:".length) : text;
  if (path.startsWith("/")) return socketOf(text, path);
  const [, ipv6, name = "", port] = HOST_AND_PORT.exec(text) ?? [];
  const host = ipv6 ?? name;
  const legalHost = ipv6 === undefined ? isHost(name) : parseAddress(ipv6)?.version === 6;
  if (!legalHost || !(Number(port) <= HIGHEST_PORT)) {
    throw illegal("--web.listen-address", text, ":PORT, IPV4:PORT, [IPV6]:PORT, HOST:PORT or unix:/PATH");
  }
  return { kind: "tcp", host: host === "" ? undefined : host, port: Number(port) };
}

function isHost(text: string): boolean {
  return text === "" || parseAddress(text)?.version === 4 || HOST_NAME.test(text);
}

function socketOf(text: string, path: string): ListenAddress {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES || path.endsWith("/") || path.includes("\0")) {
    throw illegal("--web.listen-address", text, `a path of a file, of at most ${SOCKET_PATH_BYTES} bytes`);
  }
  return { kind: "unix", path };
}

/** The path of the page. */
export function telemetryPathOf(path: string): string {
  if (URL_PATH.test(path) && !HEALTH_PATHS.test(path)) return path;
  throw illegal("--web.telemetry-path", path, "a path such as /metrics, but not /healthz or below /-/");
}
