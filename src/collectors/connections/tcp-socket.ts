/** States of a TCP socket as the kernel numbers them (include/net/tcp_states.h), with the names that ss(8) uses. */
export const STATE_NAMES = [
  "",
  "established",
  "syn_sent",
  "syn_recv",
  "fin_wait1",
  "fin_wait2",
  "time_wait",
  "close",
  "close_wait",
  "last_ack",
  "listen",
  "closing",
  // what a listener holds for a peer; the kernel shows it as syn_recv
  "new_syn_recv",
] as const;
export const TCP_ESTABLISHED = 1;
export const TCP_SYN_RECV = 3;
export const TCP_CLOSE = 7;
export const TCP_LISTEN = 10;
export const TCP_NEW_SYN_RECV = 12;

/** Sets of states, a bit each. */
export const LISTENING = 1 << TCP_LISTEN;
/** All that have a remote end, or had one a moment ago. */
export const CONNECTED = ((1 << STATE_NAMES.length) - 2) & ~(LISTENING | (1 << TCP_CLOSE));

/**
 * One TCP socket; a record that is filled again and again. An address is four words of 32 bits; one of IPv4 is mapped
 * into IPv6, whether it is the socket or only its address that is of IPv4.
 */
export class TcpSocket {
  state = 0;
  localPort = 0;
  /** Only of a listener: whether it is of IPv6 and refuses IPv4. */
  isIpv6Only = false;
  readonly local = new Uint32Array(4);
  readonly remote = new Uint32Array(4);
}

/** Told of each socket; the record is lent. */
export type SocketVisitor = (socket: TcpSocket) => void;

/** Where sockets come from. */
export interface SocketSource {
  readonly name: string;
  /**
   * Visits the sockets that are in one of the states, leaving the event loop its turns. Returns false if some were
   * left out or told twice, because too much changed meanwhile. Throws when they can't be read, or not before
   * `deadline` (of performance.now()).
   */
  visit(states: number, deadline: number, visitor: SocketVisitor): Promise<boolean>;
}
