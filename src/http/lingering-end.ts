import type { Socket } from "node:net";

/**
 * After its last answer, lets the connection end only when the client has ended it, or after this time: closed while
 * there are requests unread it would be reset, and the answers on their way lost (RFC 9112 section 9.6).
 */
export function lingerAtEnd(socket: Socket, maxMs: number): void {
  // What node:http calls after the last answer, whose header says `Connection: close`.
  socket.destroySoon = () => {
    socket.end();
    // Instead of the parser: what still comes is not looked at.
    socket.removeAllListeners("data").on("data", () => {});
    socket.resume();
    // node:http stops reading at the handle, while answers wait; the stream, which asked for data before, knows nothing.
    // oxlint-disable-next-line no-underscore-dangle -- the name is Node's
    socket._read(0);
    const limit = setTimeout(() => socket.destroy(), maxMs).unref();
    socket.once("close", () => clearTimeout(limit));
  };
}
