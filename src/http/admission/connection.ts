import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import { isIPv6, type Socket } from "node:net";
import { type Holder, LOCAL_CLIENT } from "./places.ts";

/** A mapped IPv4 address (RFC 4291 section 2.5.5.2), as a socket has it that listens for both. */
const MAPPED = /^::ffff:(?=[0-9.]+$)/i;

/** A connection, and who waits for whom on it. */
export class Connection implements Holder {
  readonly client: string;
  /** Without a zone, IPv4 as such; undefined on a unix socket. */
  readonly address: string | undefined;
  /** Whether its client has shown a certificate that says who it is. */
  isKnown = false;
  readonly #socket: Socket;
  #since = performance.now();
  #works = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.address = addressOf(socket);
    this.client = clientOf(socket);
  }

  get waitingSince(): number | undefined {
    return this.#works > 0 ? undefined : this.#since;
  }

  /** Something came by it. */
  heard(): void {
    this.#since = performance.now();
  }

  /** From now on its client waits for us, until as many works have ended. */
  beginWork(): void {
    this.#works++;
  }

  endWork(): void {
    this.#works--;
    this.#since = performance.now();
  }

  evict(): void {
    resetSocket(this.#socket);
  }
}

/** Which connection something came by. */
export class Connections {
  readonly #known = new WeakMap<object, Connection>();

  /** `key`: a socket, or a session of HTTP/2. */
  add(key: object, connection: Connection): void {
    this.#known.set(key, connection);
  }

  get(key: object): Connection | undefined {
    return this.#known.get(key);
  }

  /** Undefined if it has ended. */
  of(request: IncomingMessage): Connection | undefined {
    const { stream } = request as { stream?: ServerHttp2Stream };
    const key = stream === undefined ? request.socket : stream.session;
    return key === undefined ? undefined : this.#known.get(key);
  }
}

function addressOf({ remoteAddress }: Socket): string | undefined {
  return remoteAddress?.replace(MAPPED, "").replace(/%.*$/, "");
}

/** What stands for all that one client may come from: of IPv6, the network that a host has for itself. */
export function clientOf(socket: Socket): string {
  const address = addressOf(socket);
  if (address === undefined) return LOCAL_CLIENT;
  if (!isIPv6(address)) return address;
  const [head = [], tail] = address.split("::").map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - head.length - tail.length)).fill("0");
  return `${[...head, ...zeros, ...(tail ?? [])].slice(0, 4).join(":")}::/64`;
}

/** Breaks an answer off, so that no half of it looks like a page: an HTTP/1.0 client takes an orderly close for its end. */
export function cut(response: ServerResponse | { readonly stream: ServerHttp2Stream }): void {
  if ("stream" in response) {
    response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    return;
  }
  if (response.socket === null) response.destroy();
  else resetSocket(response.socket);
}

/** Whether an answer has come to its end, in whatever way: the one of HTTP/2 does not say so itself. */
export function isOver(response: ServerResponse | { readonly stream: ServerHttp2Stream }): boolean {
  return "stream" in response ? response.stream.closed : response.closed;
}

/** By TCP as a reset; a unix socket knows none. */
export function resetSocket(socket: Socket): void {
  const below = socketBelow(socket);
  if (below.remoteFamily !== undefined) below.resetAndDestroy();
  else below.destroy();
}

/** The socket that one by TLS was made of, or the socket itself. Undocumented, but as old as TLSSocket. */
export function socketBelow(socket: Socket): Socket {
  const { _parent: below } = socket as Socket & { _parent?: Socket | null };
  return below ?? socket;
}
