import { setIpv4 } from "../../packet/address.ts";
import { open } from "node:fs/promises";
import { type SocketSource, type SocketVisitor, TcpSocket } from "./tcp-socket.ts";

/*
 * A line of /proc/net/tcp and tcp6 (net/ipv4/tcp_ipv4.c, get_tcp4_sock); words in the order of the host:
 *
 *   sl  local_address rem_address   st tx_queue rx_queue …
 *    0: 0100007F:2390 00000000:0000 0A 00000000:00000000 …
 */
const LINE = /^ *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4} ([0-9A-F]{2}) /;
/** Lines between two looks at the clock. */
const LINES_PER_LOOK = 1024;

/**
 * The sockets of this network namespace, from files that every Linux has; for when inet_diag is not to be had. A
 * listener of IPv6 counts as one of IPv4 too: the file does not tell.
 */
export class ProcSource implements SocketSource {
  readonly name = "proc";
  readonly #folder: string;

  /** `folder`: where the files are. */
  constructor(folder = "/proc/net") {
    this.#folder = folder;
  }

  async visit(states: number, deadline: number, visitor: SocketVisitor): Promise<boolean> {
    const socket = new TcpSocket();
    await this.#visitFile("tcp", states, deadline, socket, visitor);
    try {
      await this.#visitFile("tcp6", states, deadline, socket, visitor);
    } catch (error) {
      // a kernel without IPv6
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
    return true;
  }

  async #visitFile(
    name: string,
    states: number,
    deadline: number,
    socket: TcpSocket,
    visitor: SocketVisitor,
  ): Promise<void> {
    await using file = await open(`${this.#folder}/${name}`);
    let lines = 0;
    for await (const line of file.readLines()) {
      if (lines++ % LINES_PER_LOOK === 0 && performance.now() > deadline) {
        throw new Error(`couldn't read ${this.#folder}/${name} before the scrape's deadline`);
      }
      if (fillFromLine(socket, line) && (states & (1 << socket.state)) !== 0) visitor(socket);
    }
  }
}

/** Returns whether the line tells of a socket. */
export function fillFromLine(socket: TcpSocket, line: string): boolean {
  const [, local, port, remote, state] = LINE.exec(line) ?? [];
  if (local === undefined || port === undefined || remote === undefined || state === undefined) return false;
  socket.state = Number.parseInt(state, 16);
  socket.localPort = Number.parseInt(port, 16);
  socket.isIpv6Only = false;
  setAddress(socket.local, local);
  setAddress(socket.remote, remote);
  return true;
}

function setAddress(address: Uint32Array, text: string): void {
  if (text.length === 8) {
    setIpv4(address, wordAt(text, 0));
    return;
  }
  for (let word = 0; word < 4; word++) address[word] = wordAt(text, word * 8);
}

/** Promtap's hosts are little-endian. */
function wordAt(text: string, at: number): number {
  const word = Number.parseInt(text.slice(at, at + 8), 16);
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
