import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type { Socket } from "node:net";

/** Breaks an answer off, so that no half of it looks like a page: an HTTP/1.0 client takes an orderly close for its end. */
export function cut(response: ServerResponse | { readonly stream: ServerHttp2Stream }): void {
  if ("stream" in response) {
    response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    return;
  }
  if (response.socket === null) response.destroy();
  else resetSocket(response.socket);
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
