import { Field, type Flow } from "./flow.ts";

/** Of an exporter. */
const MAX_INTERFACES = 16_384;
/**
 * Records of packets that came in at an interface and went out, without one of those that came in there, after which
 * these are taken for reported no more: far above what waits in the cache of a router.
 */
const MAX_ALONE = 65_536;
/** No interface. */
const NONE = -1;

/** An interface at which an exporter reports what comes in. */
interface Reported {
  /** Records of what went out of it since the last of what came in. */
  alone: number;
}

/** The interfaces at which an exporter reports what comes in: what it reports of that where it goes out is no news. */
export class Ingress {
  readonly #reported = new Map<number, Reported>();
  /** Of the last record, if that was one of what comes in. */
  #last = NONE;

  interfaces(): Iterable<number> {
    return this.#reported.keys();
  }

  add(input: number): void {
    const known = this.#reported.get(input);
    if (known !== undefined) known.alone = 0;
    else if (this.#reported.size < MAX_INTERFACES) this.#reported.set(input, { alone: 0 });
  }

  get size(): number {
    return this.#reported.size;
  }

  /**
   * Whether the packets of a record that tells its direction were in others: it is of packets that go out, and those
   * that come in where these did are reported, too. One that has a single interface for both, as software on a host
   * does, repeats nothing. Hot; does not allocate.
   */
  repeats({ numbers }: Flow, isEgress: boolean): boolean {
    const input = numbers[Field.INPUT]!;
    if (!isEgress) {
      if (input !== this.#last) this.add(input);
      this.#last = input;
      return false;
    }
    this.#last = NONE;
    if (input === 0 || input === numbers[Field.OUTPUT]) return false;
    const reported = this.#reported.get(input);
    if (reported === undefined) return false;
    if (++reported.alone <= MAX_ALONE) return true;
    this.#reported.delete(input);
    return false;
  }
}
