import { watchReadable } from "../../../native/libc.ts";
import { DatagramBatch, type UdpAddress, UdpSocket } from "../../../native/udp.ts";
import { choiceBySender } from "./sender-choice.ts";
import type { UdpIntake } from "./udp-intake.ts";

/** What the kernel may keep of a burst; without CAP_NET_ADMIN net.core.rmem_max bounds it. */
const BUFFER_BYTES = 32 * 2 ** 20;
/**
 * After the first datagram comes, for others that are then read with it: to be woken costs far more than to read one. Not
 * if the kernel has little room for what waits.
 */
const PAUSE_MS = 10;
const MIN_PAUSE_BUFFER_BYTES = 8 * 2 ** 20;
/** Calls after which the event loop gets its turn. */
const CALLS_PER_TURN = 16;
/** Calls that a page waits for. */
const CALLS_PER_PAGE = 256;

/** Where datagrams are wanted, and how messages call it. */
export interface ListenAddress extends UdpAddress {
  readonly name: string;
}

/** Receives datagrams at several addresses, and has them counted. */
export class UdpReceiver implements Disposable {
  /** A socket for each address, by its name. */
  readonly sockets: readonly { readonly name: string; readonly socket: UdpSocket }[];
  readonly #batch = new DatagramBatch();
  readonly #intake: UdpIntake;
  readonly #ends: (() => void)[] = [];
  #isOpen = true;

  /** `sharers`: how many programs receive there. Throws PromtapError. */
  constructor(addresses: readonly ListenAddress[], intake: UdpIntake, sharers = 1) {
    this.#intake = intake;
    const sockets: { name: string; socket: UdpSocket }[] = [];
    this.sockets = sockets;
    const options = { bufferBytes: BUFFER_BYTES, choice: sharers > 1 ? choiceBySender(sharers) : null };
    try {
      for (const address of addresses) {
        const socket = UdpSocket.open(address, address.name, options);
        sockets.push({ name: boundName(address, socket), socket });
        const pauseMs = socket.memory().bufferBytes < MIN_PAUSE_BUFFER_BYTES ? 0 : PAUSE_MS;
        this.#ends.push(watchReadable(socket.fd, () => this.#drainInTurns(socket), pauseMs));
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Has what has come by now counted, within bounds. */
  sync(): void {
    for (const { socket } of this.sockets) this.#drain(socket, CALLS_PER_PAGE);
  }

  [Symbol.dispose](): void {
    this.#isOpen = false;
    for (const end of this.#ends) end();
    for (const { socket } of this.sockets) socket[Symbol.dispose]();
  }

  /** Drains a socket, with turns of others between. */
  #drainInTurns(socket: UdpSocket): void {
    if (this.#isOpen && this.#drain(socket, CALLS_PER_TURN)) setImmediate(() => this.#drainInTurns(socket));
  }

  /** Whether there may be more. */
  #drain(socket: UdpSocket, calls: number): boolean {
    const batch = this.#batch;
    for (let call = 0; call < calls; call++) {
      const count = batch.receive(socket);
      this.#intake.take(batch, count);
      if (!batch.isFull(count)) return false;
    }
    return true;
  }
}

/** The address with the port that it has got. */
function boundName({ name, port }: ListenAddress, socket: UdpSocket): string {
  return port === 0 ? name.replace(/:0$/, `:${socket.port}`) : name;
}
