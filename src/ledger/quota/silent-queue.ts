import { NEVER, type Silence } from "./silence.ts";

/** Places that are looked at before others get their turn. */
const PLACES_PER_TURN = 4096;
/** More than a part of a set has places. */
const PART_SPAN = 2 ** 28;
/**
 * Of the places that have only received, so many go to what only receives. The others wait for what sends: what scans a
 * network makes as many of the first kind as it has addresses.
 */
const FOR_RECEIVERS = 7 / 8;

/** Places by the look that last found them active, each as part × PART_SPAN + place. */
type ByLook = Map<number, number[]>;

/** Looks at all places, for the `look`th time; yields often enough not to hold the event loop. */
export function* findSilent(parts: readonly Silence[], look: number): Generator<void, SilentQueue> {
  const received: ByLook = new Map();
  const sent: ByLook = new Map();
  for (const [part, silence] of parts.entries()) {
    silence.grow();
    const { places } = silence;
    for (let place = 0; place < silence.count; place++) {
      const since = silence.see(place, look);
      if (since !== NEVER) add(places.hasSent(place) ? sent : received, since, part * PART_SPAN + place);
      if (place % PLACES_PER_TURN === PLACES_PER_TURN - 1) yield;
    }
  }
  return new SilentQueue(parts, look, inOrder(received), inOrder(sent));
}

/** Likewise, in one go. */
export function findSilentAtOnce(parts: readonly Silence[], look: number): SilentQueue {
  const found = findSilent(parts, look);
  for (;;) {
    const { done, value } = found.next();
    if (done === true) return value;
  }
}

function add(places: ByLook, since: number, place: number): void {
  const alike = places.get(since);
  if (alike === undefined) places.set(since, [place]);
  else alike.push(place);
}

/** Those that have been silent longest come first. */
function inOrder(places: ByLook): number[] {
  return [...places.entries()].sort(([a], [b]) => a - b).flatMap(([, alike]) => alike);
}

/** The places that a look found silent, in the order in which they are given away. */
export class SilentQueue {
  readonly #parts: readonly Silence[];
  readonly #look: number;
  readonly #received: readonly number[];
  readonly #sent: readonly number[];
  #nextReceived = 0;
  #nextSent = 0;

  constructor(parts: readonly Silence[], look: number, received: readonly number[], sent: readonly number[]) {
    this.#parts = parts;
    this.#look = look;
    this.#received = received;
    this.#sent = sent;
  }

  /** Vacates the first place that is still silent, for what sends or receives; false if there is none. */
  vacate(sends: boolean): boolean {
    const received = this.#received;
    const end = sends ? received.length : Math.ceil(received.length * FOR_RECEIVERS);
    while (this.#nextReceived < end) if (this.#take(received[this.#nextReceived++]!)) return true;
    // What only received takes no place of what sends.
    if (!sends) return false;
    while (this.#nextSent < this.#sent.length) if (this.#take(this.#sent[this.#nextSent++]!)) return true;
    return false;
  }

  #take(key: number): boolean {
    const silence = this.#parts[Math.floor(key / PART_SPAN)]!;
    const place = key % PART_SPAN;
    if (!silence.isSilent(place, this.#look)) return false;
    silence.places.vacate(place);
    silence.forget(place);
    return true;
  }
}
