import { ErrorCode, PromtapError } from "../errors.ts";
import type { ListenAddress } from "../http/listener.ts";
import { TEMPORARY_SUFFIX_BYTES, type UnixAddress } from "../http/unix-socket.ts";
import { parseAddress } from "../packet/address.ts";
import { type GivenFlags, illegal, numberOf } from "./values.ts";

/** Default values, as they would be given. */
export const LISTEN_DEFAULTS = { port: "9112", "web.socket-mode": "0660" } as const;

const HIGHEST_PORT = 65_535;
/** Room for a path in sockaddr_un, without the closing zero: unix(7); and for the name that it has at first. */
const SOCKET_PATH_BYTES = 107 - TEMPORARY_SUFFIX_BYTES;
/** Path characters of RFC 3986, section 3.3; no escapes, because a path is compared as it is requested. */
const URL_PATH = /^\/[\w.~!$&'()*+,;=:@/-]*$/;
/** Where the pages that tell the program's health are. */
const HEALTH_PATHS = /^\/(?:-\/|-$|healthz$)/;
/** Names of interfaces: dev_valid_name of the kernel (net/core/dev.c). */
const ZONE = /^[^\s/:%]{1,15}$/;
/** fe80::/10. */
const LINK_LOCAL_SHIFT = 118n;
const LINK_LOCAL = 0xfe80n >> 6n;
/** Names as groupadd(8) takes them, or a number. */
const GROUP = /^(?:[a-zA-Z_][a-zA-Z0-9_.-]{0,31}\$?|[0-9]{1,9})$/;
const HOST_AND_PORT = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/;
/** RFC 1123, section 2.1; a last part of digits alone would be a broken IPv4 address. */
const HOST_NAME = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*(?![0-9]+$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;

/** Where to serve: the addresses given, or a port of all addresses. */
export function listenOf(given: GivenFlags): ListenAddress[] {
  const addresses = given.get("web.listen-address");
  const value = (name: keyof typeof LISTEN_DEFAULTS): string => given.get(name)?.at(-1) ?? LISTEN_DEFAULTS[name];
  const access = {
    mode: modeOf(value("web.socket-mode")),
    group: groupOf(given.get("web.socket-group")?.at(-1)),
  };
  const listen: ListenAddress[] = addresses?.map((text) => listenAddressOf(text, access)) ?? [
    { kind: "tcp", host: undefined, port: numberOf("p", value("port"), HIGHEST_PORT) },
  ];
  const needless = ["web.socket-mode", "web.socket-group"].find((name) => given.has(name));
  if (needless !== undefined && !listen.some(({ kind }) => kind === "unix")) {
    throw new PromtapError(ErrorCode.USAGE, `--${needless} needs --web.listen-address=unix:/PATH`);
  }
  return listen;
}

type Access = Pick<UnixAddress, "mode" | "group">;

function listenAddressOf(text: string, access: Access): ListenAddress {
  const path = text.startsWith("unix:") ? text.slice("unix:".length) : text;
  if (path.startsWith("/")) return socketOf(text, path, access);
  const [, ipv6, name = "", port] = HOST_AND_PORT.exec(text) ?? [];
  const host = ipv6 ?? name;
  const legalHost = ipv6 === undefined ? isHost(name) : isIpv6(ipv6);
  if (!legalHost || !(Number(port) <= HIGHEST_PORT)) {
    throw illegal("--web.listen-address", text, ":PORT, IPV4:PORT, [IPV6]:PORT, HOST:PORT or unix:/PATH");
  }
  return { kind: "tcp", host: host === "" ? undefined : host, port: Number(port) };
}

/** A link-local address, and no other, may say on which interface it is (RFC 4007 section 11). */
function isIpv6(text: string): boolean {
  const [, address = "", zone] = /^([^%]*)(?:%(.*))?$/s.exec(text)!;
  const parsed = parseAddress(address);
  if (parsed?.version !== 6) return false;
  return zone === undefined || (ZONE.test(zone) && parsed.value >> LINK_LOCAL_SHIFT === LINK_LOCAL);
}

function isHost(text: string): boolean {
  return text === "" || parseAddress(text)?.version === 4 || HOST_NAME.test(text);
}

function socketOf(text: string, path: string, access: Access): ListenAddress {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES || path.endsWith("/") || path.includes("\0")) {
    throw illegal("--web.listen-address", text, `a path of a file, of at most ${SOCKET_PATH_BYTES} bytes`);
  }
  return { kind: "unix", path, ...access };
}

function modeOf(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw illegal("--web.socket-mode", text, "three octal digits, such as 0660");
}

function groupOf(text: string | undefined): string | null {
  if (text === undefined || GROUP.test(text)) return text ?? null;
  throw illegal("--web.socket-group", text, "the name or the number of a group");
}

/** The path of the page. */
export function telemetryPathOf(path: string): string {
  if (URL_PATH.test(path) && !HEALTH_PATHS.test(path)) return path;
  throw illegal("--web.telemetry-path", path, "a path such as /metrics, but not /healthz or below /-/");
}
