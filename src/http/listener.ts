import { once } from "node:events";
import { chmod, lstat, unlink } from "node:fs/promises";
import { createConnection, type ListenOptions, type Server } from "node:net";
import { getSystemErrorMap } from "node:util";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";

/** Without a host: every address of this machine, IPv6 and IPv4. */
export type ListenAddress = { kind: "tcp"; host: string | undefined; port: number } | { kind: "unix"; path: string };

/** Whoever is in the group of the process may scrape; it decides by its group who that is. */
const SOCKET_MODE = 0o660;

/** Errors of a host whose kernel has no IPv6 (`ipv6.disable=1`). */
const NO_IPV6 = ["EAFNOSUPPORT", "EADDRNOTAVAIL"];

/**
 * Makes the server listen, and returns the address as bound: `127.0.0.1:9112`, `[::]:9112`, `unix:/run/promtap.sock`.
 * Replaces a unix socket that nobody listens on any more. Throws PromtapError.
 */
export async function listen(server: Server, address: ListenAddress): Promise<string> {
  try {
    if (address.kind === "unix") await listenOnPath(server, address.path);
    else await listenOnPort(server, address.host, address.port);
  } catch (error) {
    const message = `couldn't listen on ${addressText(address)}: ${reasonOf(address, error)}`;
    throw new PromtapError(ErrorCode.HOST, message, { cause: error });
  }
  const bound = server.address();
  if (bound === null || typeof bound === "string") return addressText(address);
  return addressText({ kind: "tcp", host: bound.address, port: bound.port });
}

async function listenOnPort(server: Server, host: string | undefined, port: number): Promise<void> {
  try {
    // Not left to Node, which would quietly go on without IPv6 where another process has that half of the port.
    await bind(server, { host: host ?? "::", port });
  } catch (error) {
    if (host !== undefined || !NO_IPV6.includes(codeOf(error))) throw error;
    await bind(server, { host: "0.0.0.0", port });
  }
}

async function listenOnPath(server: Server, path: string): Promise<void> {
  try {
    await bind(server, { path });
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE" || !(await isStaleSocket(path))) throw error;
    await unlink(path);
    await bind(server, { path });
  }
  await chmod(path, SOCKET_MODE);
}

async function bind(server: Server, options: ListenOptions): Promise<void> {
  server.listen(options);
  await once(server, "listening");
}

/** A socket file outlives a process that was killed. */
async function isStaleSocket(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) throw Object.assign(new Error(path), { code: "ENOTSOCK" });
  const connection = createConnection(path);
  try {
    await once(connection, "connect");
    return false;
  } catch (error) {
    return codeOf(error) === "ECONNREFUSED";
  } finally {
    connection.destroy();
  }
}

function addressText(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = address.host ?? "";
  return `${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

function reasonOf(address: ListenAddress, error: unknown): string {
  const code = codeOf(error);
  const known = address.kind === "unix" ? PATH_REASONS[code] : PORT_REASONS[code];
  if (known === undefined) return systemMessage(error);
  const flag = address.kind === "tcp" && address.host === undefined ? "-p" : "--web.listen-address";
  return `${known}; give another with ${flag}`;
}

const PORT_REASONS: Record<string, string> = {
  EADDRINUSE: "the port is taken by another process",
  EACCES: "a port this low needs root or CAP_NET_BIND_SERVICE",
  EADDRNOTAVAIL: "no interface of this host has that address",
  EAFNOSUPPORT: "this host has no IPv6",
  ENOTFOUND: "no address is known for that name",
  EAI_AGAIN: "the name server does not answer",
  EINVAL: "the address cannot be bound (a link-local one needs its interface: fe80::1%eth0)",
};

const PATH_REASONS: Record<string, string> = {
  EADDRINUSE: "another process listens there",
  ENOTSOCK: "there is a file that is not a socket",
  // libuv makes EACCES of ENOENT here.
  EACCES: "the folder does not exist, or this user may not write to it",
  EPERM: "this user may not write to the folder",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is not a folder",
  // struct sockaddr_un has 108 bytes, unix(7).
  ENAMETOOLONG: "the path is longer than 107 bytes",
  EINVAL: "the path is longer than 107 bytes",
};

/** The words of the system for an errno that has none above. */
function systemMessage(error: unknown): string {
  const errno = error instanceof Error && "errno" in error ? Number(error.errno) : Number.NaN;
  return getSystemErrorMap().get(errno)?.[1] ?? messageOf(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
