import { once } from "node:events";
import type { AddressInfo, ListenOptions, Server } from "node:net";
import { getSystemErrorMap } from "node:util";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { listenOnPath, type UnixAddress } from "./unix-socket.ts";

/** Without a host: every address of this machine, IPv6 and IPv4. */
export type ListenAddress = { kind: "tcp"; host: string | undefined; port: number } | UnixAddress | PassedSocket;

/** A socket that is bound already, by what has started the program: TCP or unix. */
export interface PassedSocket {
  kind: "passed";
  fd: number;
}

/** What a server listens on. */
export interface Listening {
  /** As bound: `127.0.0.1:9112`, `[::]:9112`, `unix:/run/promtap.sock`. */
  readonly address: string;
  /** Removes what outlives the server; to be called before that is closed. */
  release(): void;
}

/** Errors of a host whose kernel has no IPv6 (`ipv6.disable=1`). */
const NO_IPV6 = ["EAFNOSUPPORT", "EADDRNOTAVAIL"];

/** Makes the server listen. Throws PromtapError. */
export async function listen(server: Server, address: ListenAddress): Promise<Listening> {
  try {
    if (address.kind === "unix") {
      return { address: addressText(address), release: await listenOnPath(server, address) };
    }
    if (address.kind === "passed") await bind(server, { fd: address.fd });
    else await listenOnPort(server, address.host, address.port);
  } catch (error) {
    const message = `couldn't listen on ${addressText(address)}: ${reasonOf(address, error)}`;
    throw new PromtapError(ErrorCode.HOST, message, { cause: error });
  }
  const bound = server.address() as AddressInfo | null;
  // Node tells no path of a unix socket that it has not bound; its file is that of what has
  if (bound === null) return { address: addressText(address), release() {} };
  return { address: addressText({ kind: "tcp", host: bound.address, port: bound.port }), release() {} };
}

async function listenOnPort(server: Server, host: string | undefined, port: number): Promise<void> {
  try {
    // Not left to Node, which would quietly go on without IPv6 if another process has that half of the port.
    await bind(server, { host: host ?? "::", port });
  } catch (error) {
    if (host !== undefined || !NO_IPV6.includes(codeOf(error))) throw error;
    await bind(server, { host: "0.0.0.0", port });
  }
}

async function bind(server: Server, options: ListenOptions | { fd: number }): Promise<void> {
  server.listen(options);
  await once(server, "listening");
}

function addressText(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  if (address.kind === "passed") return `unix socket at descriptor ${address.fd}`;
  const host = address.host ?? "";
  return `${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

function reasonOf(address: ListenAddress, error: unknown): string {
  if (error instanceof PromtapError) return error.message;
  if (address.kind === "passed") return `${systemMessage(error)}; a stream socket is to be passed`;
  if (address.kind === "tcp" && isForbidden(address.host, codeOf(error))) return FORBIDDEN;
  const reason = reasonOfCode(address, codeOf(error));
  const flag = address.kind === "tcp" && address.host === undefined ? "-p" : "--web.listen-address";
  return reason === undefined ? systemMessage(error) : `${reason}; give another with ${flag}`;
}

function reasonOfCode(address: ListenAddress, code: string): string | undefined {
  if (address.kind === "unix") return PATH_REASONS[code];
  if (address.kind === "passed") return undefined;
  const [, zone] = /%(.*)/.exec(address.host ?? "") ?? [];
  return code === "EINVAL" && zone !== undefined ? `there is no interface ${zone}` : PORT_REASONS[code];
}

const FORBIDDEN =
  "the unit lets the service open no socket; have promtap.socket listen there, or give the unit its drop-in internet";

/** Whether IPv4 is missing, which every kernel has: RestrictAddressFamilies= of systemd.exec(5). */
function isForbidden(host: string | undefined, code: string): boolean {
  return code === "EAFNOSUPPORT" && host?.includes(":") !== true;
}

const PORT_REASONS: Record<string, string> = {
  EADDRINUSE: "the port is taken by another process",
  EACCES: "a port this low needs root or CAP_NET_BIND_SERVICE",
  EADDRNOTAVAIL: "no interface of this host has that address",
  EAFNOSUPPORT: "this host has no IPv6",
  ENOTFOUND: "no address is known for that name",
  EAI_AGAIN: "the name server does not answer",
  EINVAL: "a link-local address needs its interface, as in [fe80::1%eth0]:9112",
};

const PATH_REASONS: Record<string, string> = {
  ENOENT: "the folder does not exist",
  EACCES: "this user may not write to the folder",
  EPERM: "neither this user nor the file system may be able to make a socket there",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is not a folder",
};

/** The words of the system for an errno that has none above. */
function systemMessage(error: unknown): string {
  const errno = error instanceof Error && "errno" in error ? Number(error.errno) : Number.NaN;
  return getSystemErrorMap().get(errno)?.[1] ?? messageOf(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
