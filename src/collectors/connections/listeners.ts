import { isIpv4 } from "../../packet/address.ts";
import { type TcpSocket } from "./tcp-socket.ts";

/* What listens on a port: every address of IPv4, every one of IPv6, or some. */
const ALL_IPV4 = 1;
const ALL_IPV6 = 2;
const SOME = 4;

/** Where this host takes connections, which tells which end was there first. */
export class Listeners {
  readonly #ports = new Uint8Array(65_536);
  /** The addresses of ports at which not all of them listen, each once, by their ends. */
  readonly #addresses = new Map<number, Uint32Array[]>();

  /** Takes in a socket that listens. */
  add({ local, localPort, isIpv6Only }: TcpSocket): void {
    const isAll = local[3] === 0 && local[0] === 0 && local[1] === 0;
    if (isAll && isIpv4(local)) {
      this.#ports[localPort]! |= ALL_IPV4;
    } else if (isAll && local[2] === 0) {
      this.#ports[localPort]! |= isIpv6Only ? ALL_IPV6 : ALL_IPV4 | ALL_IPV6;
    } else {
      this.#ports[localPort]! |= SOME;
      const key = keyOf(localPort, local);
      const addresses = this.#addresses.get(key) ?? [];
      this.#addresses.set(key, addresses);
      if (!addresses.some((address) => isSame(address, local))) addresses.push(local.slice());
    }
  }

  /** Whether the local end of a connection is where something listens. Hot. */
  has(socket: TcpSocket): boolean {
    const { local, localPort } = socket;
    const listening = this.#ports[localPort]!;
    if (listening === 0) return false;
    if ((listening & (isIpv4(local) ? ALL_IPV4 : ALL_IPV6)) !== 0) return true;
    if ((listening & SOME) === 0) return false;
    return this.#addresses.get(keyOf(localPort, local))?.some((address) => isSame(address, local)) ?? false;
  }
}

/** The port, and the last 32 bits of the address: when many listen, few share them. */
function keyOf(port: number, address: Uint32Array): number {
  return port * 2 ** 32 + address[3]!;
}

function isSame(one: Uint32Array, other: Uint32Array): boolean {
  return one[3] === other[3] && one[2] === other[2] && one[1] === other[1] && one[0] === other[0];
}
