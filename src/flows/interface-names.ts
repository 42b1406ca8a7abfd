/** Far above what routers have: a bound for what lies. */
const MAX_INTERFACES = 16_384;
/** Bytes of a name. */
export const MAX_NAME_LENGTH = 128;

/** What all that keep names share, so that none can take more than there is. */
export interface NameRoom {
  /** Names that are kept. */
  interfaceNames: number;
  /** Names that found no room. */
  refusedInterfaceNames: number;
  readonly maxInterfaceNames: number;
}

/** Names of an exporter's interfaces, by the index that it has for them, as it tells them itself. */
export class InterfaceNames {
  /** Changes with the names. */
  edition = 0;
  readonly #room: NameRoom;
  readonly #names = new Map<number, Uint8Array>();

  constructor(room: NameRoom) {
    this.#room = room;
  }

  all(): Iterable<readonly [index: number, name: Uint8Array]> {
    return this.#names;
  }

  /** In UTF-8, if the exporter speaks that. */
  get(index: number): Uint8Array | undefined {
    return this.#names.get(index);
  }

  /** Takes the name bytes[at, end), which may be padded with zeros; none without room for it, or for no interface. */
  learn(index: number, bytes: Uint8Array, at: number, end: number): void {
    const padding = bytes.subarray(at, end).indexOf(0);
    const name = bytes.subarray(at, Math.min(padding < 0 ? end : at + padding, at + MAX_NAME_LENGTH));
    if (index === 0 || name.length === 0) return;
    const before = this.#names.get(index);
    if (before !== undefined && isSame(before, name)) return;
    const room = this.#room;
    if (before === undefined) {
      if (this.#names.size >= MAX_INTERFACES || room.interfaceNames >= room.maxInterfaceNames) {
        room.refusedInterfaceNames++;
        return;
      }
      room.interfaceNames++;
    }
    this.#names.set(index, name.slice());
    this.edition++;
  }

  /** Gives back all room. */
  leave(): void {
    this.#room.interfaceNames -= this.#names.size;
    this.#names.clear();
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, k) => byte === other[k]);
}
