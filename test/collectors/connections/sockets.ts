import {
  type SocketSource,
  type SocketVisitor,
  STATE_NAMES,
  TcpSocket,
} from "../../../src/collectors/connections/tcp-socket.ts";
import { words } from "../../geo/addresses.ts";

/** A socket as a test writes it: `established 192.0.2.1 443 198.51.100.7`, without a remote end if it listens. */
export function socketOf(text: string): TcpSocket {
  const [state = "", local = "", port = "", remote = "::"] = text.split(" ");
  const socket = new TcpSocket();
  socket.state = STATE_NAMES.indexOf(state as (typeof STATE_NAMES)[number]);
  socket.localPort = Number(port);
  socket.local.set(words(local));
  socket.remote.set(words(remote));
  return socket;
}

/** What `socketOf` reads. */
export function textOf({ state, local, localPort, remote }: TcpSocket): string {
  const hex = (address: Uint32Array): string => [...address].map((word) => word.toString(16)).join(":");
  return `${STATE_NAMES[state]} ${hex(local)} ${localPort} ${hex(remote)}`;
}

/** Stands in for the kernel. */
export class FakeSockets implements SocketSource {
  readonly name = "fake";
  readonly sockets: TcpSocket[];
  /** How many visits are yet to be spoiled. */
  spoiled = 0;

  constructor(sockets: readonly string[]) {
    this.sockets = sockets.map(socketOf);
  }

  async visit(states: number, _deadline: number, visitor: SocketVisitor): Promise<boolean> {
    for (const socket of this.sockets) if ((states & (1 << socket.state)) !== 0) visitor(socket);
    return this.spoiled-- <= 0;
  }
}
