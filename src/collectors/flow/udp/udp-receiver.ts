import { watchReadable } from "../../../native/libc.ts";
import { DatagramBatch, type UdpAddress, UdpSocket } from "../../../native/udp.ts";
import type { Change } from "../../feature.ts";
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
/** What is read of a socket at once. A byte may be a record, if it lies: they are bounded as well. */
interface Portion {
  readonly calls: number;
  readonly bytes: number;
}
/** After which the event loop gets its turn. */
const PER_TURN: Portion = { calls: 16, bytes: 2 ** 21 };
/** What a page waits for: no more was there when it was asked for. */
const PER_PAGE: Portion = { calls: 256, bytes: BUFFER_BYTES };

/** Where datagrams are wanted, and how messages call it. */
export interface ListenAddress extends UdpAddress {
  readonly name: string;
}

/** A socket at an address. */
interface Listener {
  /** The address as it was asked for, and as it is bound. */
  readonly asked: string;
  readonly name: string;
  readonly socket: UdpSocket;
  /** Ends the watching of it, once that has begun. */
  end(): void;
}

/** Receives datagrams at several addresses, and has them counted. */
export class UdpReceiver implements Disposable {
  readonly #batch = new DatagramBatch();
  readonly #intake: UdpIntake;
  readonly #choice: Uint8Array | null;
  readonly #tell: (address: string) => void;
  #listeners: readonly Listener[] = [];

  /** `sharers`: how many programs receive there; `tell` hears of each address. Throws PromtapError. */
  constructor(
    addresses: readonly ListenAddress[],
    intake: UdpIntake,
    sharers: number,
    tell: (address: string) => void,
  ) {
    this.#intake = intake;
    this.#tell = tell;
    this.#choice = sharers > 1 ? choiceBySender(sharers) : null;
    this.prepare(addresses).commit();
  }

  /** A socket for each address, by its name. */
  get sockets(): readonly Pick<Listener, "name" | "socket">[] {
    return this.#listeners;
  }

  /** Makes ready to receive at these addresses instead; those that stay are not closed. Throws PromtapError. */
  prepare(addresses: readonly ListenAddress[]): Change {
    const left = [...this.#listeners];
    const opened: Listener[] = [];
    // What came here meanwhile would have come to another of them.
    const undo = (): void => opened.forEach((listener) => this.#leave(listener));
    const take = (address: ListenAddress): Listener => {
      const known = left.findIndex(({ asked }) => asked === address.name);
      if (known >= 0) return left.splice(known, 1)[0]!;
      const listener = this.#open(address);
      opened.push(listener);
      return listener;
    };
    try {
      const next = addresses.map(take);
      return { commit: () => this.#use(next, opened, left), undo };
    } catch (error) {
      undo();
      throw error;
    }
  }

  #open(address: ListenAddress): Listener {
    const beside = this.#listeners.flatMap(({ socket }) => (socket.port === address.port ? [socket] : []));
    const options = { bufferBytes: BUFFER_BYTES, choice: this.#choice, beside };
    const socket = UdpSocket.open(address, address.name, options);
    return { asked: address.name, name: boundName(address, socket), socket, end() {} };
  }

  /** Goes on with these listeners, some of which are new, without those that are left. */
  #use(next: readonly Listener[], opened: readonly Listener[], left: readonly Listener[]): void {
    this.#listeners = next;
    for (const listener of opened) {
      const { name, socket } = listener;
      this.#tell(name);
      const pauseMs = socket.memory().bufferBytes < MIN_PAUSE_BUFFER_BYTES ? 0 : PAUSE_MS;
      listener.end = watchReadable(socket.fd, () => this.#drainInTurns(socket), pauseMs);
    }
    for (const listener of left) this.#leave(listener);
  }

  /** Has what waits counted, and closes the socket. */
  #leave(listener: Listener): void {
    this.#drain(listener.socket, PER_PAGE);
    listener.end();
    listener.socket[Symbol.dispose]();
  }

  /** Has what has come by now counted, within bounds. */
  sync(): void {
    for (const { socket } of this.#listeners) this.#drain(socket, PER_PAGE);
  }

  [Symbol.dispose](): void {
    for (const listener of this.#listeners) this.#leave(listener);
  }

  /** Drains a socket, with turns of others between. */
  #drainInTurns(socket: UdpSocket): void {
    if (socket.isOpen && this.#drain(socket, PER_TURN)) setImmediate(() => this.#drainInTurns(socket));
  }

  /** Whether there may be more. */
  #drain(socket: UdpSocket, { calls, bytes }: Portion): boolean {
    const batch = this.#batch;
    for (let left = bytes, call = 0; left > 0 && call < calls; call++) {
      const count = batch.receive(socket);
      this.#intake.take(batch, count);
      if (!batch.isFull(count)) return false;
      left -= batch.bytes(count);
    }
    return true;
  }
}

/** The address with the port that it has got. */
function boundName({ name, port }: ListenAddress, socket: UdpSocket): string {
  return port === 0 ? name.replace(/:0$/, `:${socket.port}`) : name;
}
