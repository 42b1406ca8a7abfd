import type { Use } from "./elements.ts";
import { Field, FIELDS, type Flow, IPV6_WORDS, isField } from "./flow.ts";

/** Length of a field that says in each record how long it is (RFC 7011, section 7). */
export const VARIABLE = 0xffff;
const LONG_VARIABLE = 0xff;
/** For how long a template is good if nothing is heard of its exporter (RFC 6728, templateLifeTime). */
export const TEMPLATE_LIFE_MS = 1_800_000;

/** Counters are 8 bytes at most, all else is 4: of what is longer the last bytes count. */
const COUNTER_BYTES = 8;
const NUMBER_BYTES = 4;
const COUNTERS: readonly Field[] = [
  Field.BYTES,
  Field.PACKETS,
  Field.REVERSE_BYTES,
  Field.REVERSE_PACKETS,
  Field.POST_BYTES,
  Field.POST_PACKETS,
];

/** A field as a template lists it. */
export interface FieldSpec {
  /** VARIABLE, or its bytes. */
  readonly length: number;
  readonly use: Use | undefined;
}

/** The fields that a field is read as: an address of IPv6 is four words, and none if it has another length. */
export function wordsOf(spec: FieldSpec): FieldSpec[] {
  const { length, use } = spec;
  if (use === undefined || (use.field !== Field.SOURCE_IPV6 && use.field !== Field.DESTINATION_IPV6)) return [spec];
  if (length !== IPV6_WORDS * NUMBER_BYTES) return [{ length, use: undefined }];
  return Array.from({ length: IPV6_WORDS }, (_, word) => ({
    length: NUMBER_BYTES,
    use: { field: use.field + word, rank: use.rank },
  }));
}

/** What reads a field of a record at once: numbers of it in `#steps`. */
const STEP_NUMBERS = 3;

/**
 * How records of one kind are laid out, made once of the fields that they have: for those of fixed length a list of
 * what stands where, of nothing but what is asked for.
 */
export class Template {
  /** Bytes of a record: what it has at least if fields are of variable length. */
  readonly minBytes: number;
  /** Whether its records have counts. */
  readonly hasBytes: boolean;
  readonly hasPost: boolean;
  readonly hasReverse: boolean;
  readonly hasDirection: boolean;
  /** Whether its records, which are options data, tell the name of an interface. */
  readonly hasName: boolean;
  /** Numbers that it keeps. */
  readonly size: number;
  /**
   * Offset, length and field of each; of templates that are walked all fields, with VARIABLE for such a length and -1
   * for fields that nobody asks for.
   */
  readonly #steps: Int32Array;
  /** Whether records are walked from field to field, because one is of variable length, or a text. */
  readonly #isWalked: boolean;

  constructor(fields: readonly FieldSpec[]) {
    const wanted = chosen(fields);
    this.hasBytes = wanted.has(Field.BYTES) || wanted.has(Field.POST_BYTES);
    this.hasPost = wanted.has(Field.POST_BYTES) || wanted.has(Field.POST_PACKETS);
    this.hasDirection = wanted.has(Field.DIRECTION);
    this.hasReverse = wanted.has(Field.REVERSE_BYTES) || wanted.has(Field.REVERSE_PACKETS);
    this.hasName = wanted.has(Field.NAME);
    this.#isWalked = this.hasName || fields.some(({ length }) => length === VARIABLE);
    const steps: number[] = [];
    let offset = 0;
    for (const spec of fields) {
      const { length, use } = spec;
      const isWanted = use !== undefined && wanted.get(use.field) === spec;
      if (this.#isWalked) steps.push(offset, length, isWanted ? use.field : -1);
      else if (isWanted) steps.push(...stepOf(offset, length, use.field));
      offset += length === VARIABLE ? 1 : length;
    }
    this.minBytes = offset;
    this.#steps = Int32Array.from(steps);
    this.size = steps.length;
  }

  /**
   * Reads the record at `at` into the flow, whose numbers were 0 before the first of a row. Returns where it ends, or
   * -1 if that is behind `end`. Hot; does not allocate.
   */
  read(view: DataView, at: number, end: number, flow: Flow): number {
    if (this.#isWalked) return this.#walk(view, at, end, flow);
    const next = at + this.minBytes;
    if (next > end) return -1;
    const steps = this.#steps;
    const { numbers } = flow;
    for (let step = 0; step < steps.length; step += STEP_NUMBERS) {
      numbers[steps[step + 2]!] = readNumber(view, at + steps[step]!, steps[step + 1]!);
    }
    return next;
  }

  /** Fields that make this template again: of those that nobody asks for no more than their lengths. */
  fields(): FieldSpec[] {
    const fields: FieldSpec[] = [];
    let end = 0;
    const pass = (offset: number): void => {
      if (offset > end) fields.push({ length: offset - end, use: undefined });
    };
    const steps = this.#steps;
    for (let step = 0; step < steps.length; step += STEP_NUMBERS) {
      const [offset = 0, length = 0, field = -1] = steps.subarray(step, step + STEP_NUMBERS);
      if (!this.#isWalked) pass(offset);
      fields.push({ length, use: isField(field) ? { field, rank: 0 } : undefined });
      end = offset + length;
    }
    if (!this.#isWalked) pass(this.minBytes);
    return fields;
  }

  #walk(view: DataView, at: number, end: number, flow: Flow): number {
    const steps = this.#steps;
    for (let step = 0; step < steps.length; step += STEP_NUMBERS) {
      let length = steps[step + 1]!;
      if (length === VARIABLE) {
        length = variableLength(view, at, end);
        if (length < 0) return -1;
        at += view.getUint8(at) === LONG_VARIABLE ? 3 : 1;
      }
      if (at + length > end) return -1;
      const field = steps[step + 2]!;
      if (field === Field.NAME) {
        flow.numbers[Field.NAME] = at;
        flow.numbers[Field.NAME_END] = at + length;
      } else if (field >= 0) {
        const bytes = Math.min(length, mostBytes(field));
        flow.numbers[field] = readNumber(view, at + length - bytes, bytes);
      }
      at += length;
    }
    return at;
  }
}

/** The length that stands before a field: in a byte, or behind 255 in two more. -1 if it ends before. */
function variableLength(view: DataView, at: number, end: number): number {
  if (at >= end) return -1;
  const length = view.getUint8(at);
  if (length < LONG_VARIABLE) return length;
  return at + 3 > end ? -1 : view.getUint16(at + 1);
}

/** Which of its elements fills a field. */
function chosen(fields: readonly FieldSpec[]): Map<number, FieldSpec> {
  const best = new Map<number, FieldSpec>();
  for (const spec of fields) {
    if (spec.use === undefined) continue;
    const before = best.get(spec.use.field);
    if (before === undefined || spec.use.rank < before.use!.rank) best.set(spec.use.field, spec);
  }
  return best;
}

function stepOf(offset: number, length: number, field: number): [number, number, number] {
  const bytes = Math.min(length, mostBytes(field));
  return [offset + length - bytes, bytes, field];
}

const IS_COUNTER = Uint8Array.from({ length: FIELDS }, (_, field) => (COUNTERS.some((each) => each === field) ? 1 : 0));

function mostBytes(field: number): number {
  return IS_COUNTER[field] === 1 ? COUNTER_BYTES : NUMBER_BYTES;
}

/** An unsigned number of 0 to 8 bytes, big-endian; one above 2^53 is near enough to be refused. */
function readNumber(view: DataView, at: number, length: number): number {
  switch (length) {
    case 4:
      return view.getUint32(at);
    case 2:
      return view.getUint16(at);
    case 1:
      return view.getUint8(at);
    case 8:
      return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
    default: {
      let value = 0;
      for (let k = 0; k < length; k++) value = value * 256 + view.getUint8(at + k);
      return value;
    }
  }
}
