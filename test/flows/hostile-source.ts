import {
  type Bytes,
  expandedSample,
  flowSample,
  hex,
  ipfix,
  netflow5,
  netflow9,
  opaque,
  options9,
  optionsIpfix,
  rawHeader,
  record5,
  set,
  sflow,
  type Spec,
  template,
  u16,
  u32,
} from "./datagrams.ts";

/** What a frame of Ethernet has room for. */
const MAX_BYTES = 1472;
const VARIABLE = 65_535;
const LIES = [0, 1, 3, 0x7f, 0xff, 0xfffe, 0xffff, 0x7fff_ffff, 0xffff_fff0, 0xffff_ffff];
const VERSIONS: readonly Bytes[] = [u16(5), u16(9), u16(10), u32(5), u16(0xffff)];

/**
 * Makes datagrams that are random, truncated, recursive, or lie about what they hold, and some that are sound; the same
 * for the same seed.
 */
export class HostileSource {
  readonly #pool: readonly Uint8Array[];
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
    this.#pool = [...soundDatagrams(), ...recursiveDatagrams()].map((bytes) =>
      Uint8Array.from(bytes.slice(0, MAX_BYTES)),
    );
  }

  next(): Uint8Array {
    const bytes = this.#pool[this.below(this.#pool.length)]!.slice();
    switch (this.below(5)) {
      case 0:
        return this.#noise();
      case 1:
        return bytes.subarray(0, this.below(bytes.length));
      case 2:
        for (let lies = this.below(3); lies >= 0; lies--) this.#lie(bytes);
        return bytes;
      case 3:
        for (let flips = this.below(8); flips >= 0; flips--) bytes[this.below(bytes.length)]! ^= 1 << this.below(8);
        return bytes;
      default:
        return bytes;
    }
  }

  /** A number from 0 on (xorshift32, Marsaglia 2003). */
  below(bound: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % bound;
  }

  #noise(): Uint8Array {
    const bytes = new Uint8Array(this.below(MAX_BYTES));
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.below(256);
    bytes.set(VERSIONS[this.below(VERSIONS.length)]!.slice(0, bytes.length));
    return bytes;
  }

  /** Writes another number over two or four bytes of it, most often near the beginning, where lengths are. */
  #lie(bytes: Uint8Array): void {
    const length = 2 << this.below(2);
    const span = Math.min(bytes.length, this.below(2) === 0 ? 64 : MAX_BYTES);
    const at = 2 * this.below(Math.max(1, Math.floor((span - length) / 2)));
    const lie = LIES[this.below(LIES.length)]!;
    for (let k = 0; k < length; k++) bytes[at + k] = lie >>> (8 * (length - 1 - k));
  }
}

const COUNTS: readonly Spec[] = [
  [1, 4],
  [2, 4],
  [10, 4],
  [16, 4],
];
const FILL = (length: number): Bytes => Array.from({ length }, (_, k) => (k * 37) & 0xff);

/** All kinds of what there may be, in many domains, with templates of many ids. */
function* soundDatagrams(): Generator<Bytes> {
  const header = [
    ...hex("020000000001 020000000002 0800 4500 05ce 0000 0000 4006 0000 0a000001 0a000002"),
    ...FILL(94),
  ];
  for (let k = 0; k < 64; k++) {
    const [id, domain] = [256 + (k % 24), k % 7];
    const records = Array.from({ length: 1 + (k % 30) }, (_, n) => record5({ input: n, bytes: 1 + n, sourceAs: n }));
    yield netflow5(records, { sequence: 1000 * k, domain });
    const variable: Spec[] = [[82, VARIABLE], ...COUNTS, [371, VARIABLE, k % 2 === 0 ? 9 : 29_305]];
    yield netflow9([set(0, template(id, ...COUNTS)), set(id, FILL(16 * (1 + (k % 60))))], { domain });
    yield netflow9([set(1, options9(id, [[1, 4]], [[34, 4]])), set(id, FILL(8))], { domain });
    yield ipfix([set(2, template(id, ...variable)), set(id, FILL(300 + k))], { domain });
    yield ipfix(
      [
        set(
          3,
          optionsIpfix(
            id,
            [[149, 4]],
            [
              [305, 4],
              [306, 4],
            ],
          ),
        ),
        set(id, FILL(12)),
      ],
      { domain },
    );
    // Sets that wait for a template that never comes.
    yield ipfix([set(10_000 + k, FILL(20 * k))], { domain });
    const raw = rawHeader(1 + (k % 14), 1500, 4, header);
    yield sflow([flowSample([raw], { input: k }), expandedSample([raw])], { sequence: k, domain });
  }
}

/** What holds itself, or says that it does. */
function* recursiveDatagrams(): Generator<Bytes> {
  const counts = template(256, ...COUNTS);
  const inner = ipfix([set(2, counts), set(256, FILL(16))]);
  yield ipfix([set(2, counts), set(256, inner), set(2, ...Array.from({ length: 100 }, () => counts))]);
  // Structured data (RFC 6313) whose lists are of their own template.
  const lists = template(300, [291, VARIABLE], [292, VARIABLE], [293, VARIABLE], [1, 4]);
  yield ipfix([set(2, lists), set(300, [255, ...u16(12), 3, ...u16(300), ...FILL(9), 0, 0, ...u32(7)])]);
  let sample = flowSample([]);
  for (let depth = 0; depth < 20; depth++) sample = flowSample([sample, opaque(1, sample)]).slice(0, 1300);
  yield sflow([sample, sample]);
  yield netflow9([set(0, [...set(0, counts), ...set(0, counts)]), set(1, set(1, counts)), set(0, FILL(1200))]);
  // Templates of many fields, and withdrawals of all.
  yield ipfix([set(2, template(400, ...Array.from({ length: 300 }, (_, k): Spec => [k, k % 9])))]);
  yield ipfix([set(2, [...u16(2), ...u16(0)]), set(3, [...u16(3), ...u16(0)])]);
}
