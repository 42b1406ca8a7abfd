/** An exporter that begins again does so far from where it was; what comes out of order is near. */
const MAX_LATE = 4096;
const MAX_GAP = 2 ** 26;
/** So many that come late in a row, each after the one before, are of an exporter that began again near its beginning. */
const MAX_LATE_IN_ROW = 16;

/** Of the last datagram in order: its number, its units, and how many of those others may not have counted. */
export interface Position {
  readonly last: number;
  readonly units: number;
  readonly doubtful: number;
}

/**
 * Finds what is missing between datagrams by their sequence numbers. What they count, records or datagrams, is that of
 * the protocol: call it units.
 */
export class Sequence {
  /** Units that did not come. Those that came late are among them. */
  lost = 0;
  /** Units that came after later ones. */
  late = 0;
  /** Times that the numbers began somewhere else. */
  restarts = 0;
  /** Units that came, or should have, while nobody listened: between the position that was resumed and the first one after. */
  missed = 0;
  /** Whether nothing came since a position was resumed. */
  #isResumed = false;
  /** Of the last datagram in order: its number, its units, and how many of those others may not have counted. */
  #last = 0;
  #units = 0;
  #doubtful = 0;
  /** Whether these are known. */
  #isKnown = false;
  /** How many have come late in a row, and the number of the last of them. */
  #lateInRow = 0;
  #lastLate = 0;

  /** Takes the number of a datagram that holds so many units. Hot. */
  take(sequence: number, units: number): void {
    const gap = (sequence - this.#last - this.#units) | 0;
    if (this.#isKnown && gap !== 0 && !this.#judge(gap, sequence, units)) return;
    this.#keep(sequence, units, 0);
  }

  /**
   * Likewise, for what exporters do not agree about: some count in the number of a datagram what it holds itself
   * (softflowd's IPFIX, Open vSwitch's NetFlow v5), and some leave records of options data out, of which this one has so many.
   */
  takeLoosely(sequence: number, units: number, doubtful: number): void {
    const step = sequence - this.#last;
    const isSound = (gap: number): boolean => (gap | 0) === 0;
    const isExcused =
      isSound(step - this.#units + this.#doubtful) || isSound(step - units) || isSound(step - units + doubtful);
    if (!isExcused) this.take(sequence, units);
    if (isExcused || this.#last === sequence) this.#keep(sequence, units, doubtful);
  }

  /** What came last held nobody knows how many. */
  forget(): void {
    this.#isKnown = false;
  }

  /** What the next datagram is judged by; undefined if it is by nothing. */
  get position(): Position | undefined {
    if (!this.#isKnown) return undefined;
    return { last: this.#last, units: this.#units, doubtful: this.#doubtful };
  }

  /** Goes on from where another run was. */
  resume({ last, units, doubtful }: Position): void {
    this.#keep(last, units, doubtful);
    this.#isResumed = true;
  }

  #keep(sequence: number, units: number, doubtful: number): void {
    this.#last = sequence;
    this.#units = units;
    this.#doubtful = doubtful;
    this.#isKnown = true;
    this.#isResumed = false;
    this.#lateInRow = 0;
  }

  /** Whether what follows is to follow this datagram. */
  #judge(gap: number, sequence: number, units: number): boolean {
    if (gap < 0 && gap >= -MAX_LATE && !this.#beginsAgain(sequence)) {
      this.late += units;
      return false;
    }
    if (gap > 0 && gap <= MAX_GAP) {
      if (this.#isResumed) this.missed += gap;
      else this.lost += gap;
    } else this.restarts++;
    return true;
  }

  /** Whether a datagram that comes late is one of many that do, one after the other. */
  #beginsAgain(sequence: number): boolean {
    const isAfter = ((sequence - this.#lastLate) | 0) > 0;
    this.#lateInRow = isAfter ? this.#lateInRow + 1 : 1;
    this.#lastLate = sequence;
    return this.#lateInRow > MAX_LATE_IN_ROW;
  }
}
