import type { InterfaceNames } from "./interface-names.ts";

/** What a record may say. All are whole numbers; 0 is also what is not told. */
export const Field = {
  BYTES: 0,
  PACKETS: 1,
  SOURCE_AS: 2,
  DESTINATION_AS: 3,
  INPUT: 4,
  OUTPUT: 5,
  /** Of the way back, in a record of both (RFC 5103); its other fields are those of the way there, swapped. */
  REVERSE_BYTES: 6,
  REVERSE_PACKETS: 7,
  /** FLOW_INGRESS or FLOW_EGRESS. */
  DIRECTION: 8,
  /** Of how many packets the exporter looked at one, if the record itself says so. */
  INTERVAL: 9,
  /** Those that stand for `INTERVAL` packets of `SPACE` more (RFC 7012, samplingPacketInterval and -Space). */
  SAMPLED: 10,
  SPACE: 11,
  /** Which of the exporter's samplers it was. */
  SAMPLER: 12,
  PROTOCOL: 13,
  SOURCE_PORT: 14,
  DESTINATION_PORT: 15,
  TOS: 16,
  TCP_FLAGS: 17,
  VLAN: 18,
  PEER_SOURCE_AS: 19,
  PEER_DESTINATION_AS: 20,
  /** In options data, where the name of an interface stands, from the start of the view to its end. */
  NAME: 21,
  NAME_END: 22,
  /** Addresses, read only if they are asked for: of IPv6 four words each, from the highest on. */
  SOURCE_IPV4: 23,
  DESTINATION_IPV4: 24,
  SOURCE_IPV6: 25,
  SOURCE_IPV6_3: 28,
  DESTINATION_IPV6: 29,
  DESTINATION_IPV6_3: 32,
  /** Of the packets as they go out; most exporters fill these or the others. */
  POST_BYTES: 33,
  POST_PACKETS: 34,
} as const;
export type Field = (typeof Field)[keyof typeof Field];
export const FIELDS = 1 + Math.max(...Object.values(Field));
/** Words of an address of IPv6. */
export const IPV6_WORDS = 4;

export function isField(field: number): field is Field {
  return field >= 0 && field < FIELDS;
}

/** Values of Field.DIRECTION (RFC 7012, flowDirection). */
export const FLOW_INGRESS = 0;
export const FLOW_EGRESS = 1;

/** One record as it was read; reused. */
export class Flow {
  /** By Field. */
  readonly numbers = new Float64Array(FIELDS);
  /** One packet of so many was seen by the exporter; 0 if it has not told. */
  interval = 0;
  /** Names of interfaces, if its exporter may tell them. */
  interfaces: InterfaceNames | undefined = undefined;

  /** Forgets the counts of the record before. */
  clearCounts(): void {
    this.numbers[Field.BYTES] = 0;
    this.numbers[Field.PACKETS] = 0;
  }

  /** Counts packets as they go out if that is all that is told of them. */
  usePost(): void {
    const { numbers } = this;
    if (numbers[Field.BYTES] !== 0 || numbers[Field.PACKETS] !== 0) return;
    numbers[Field.BYTES] = numbers[Field.POST_BYTES]!;
    numbers[Field.PACKETS] = numbers[Field.POST_PACKETS]!;
  }

  /** Makes the record one of the way back. */
  reverse(): void {
    const { numbers } = this;
    numbers[Field.BYTES] = numbers[Field.REVERSE_BYTES]!;
    numbers[Field.PACKETS] = numbers[Field.REVERSE_PACKETS]!;
    this.#swap(Field.SOURCE_AS, Field.DESTINATION_AS);
    this.#swap(Field.INPUT, Field.OUTPUT);
    this.#swap(Field.SOURCE_PORT, Field.DESTINATION_PORT);
    this.#swap(Field.PEER_SOURCE_AS, Field.PEER_DESTINATION_AS);
    this.#swap(Field.SOURCE_IPV4, Field.DESTINATION_IPV4);
    for (let k = 0; k < IPV6_WORDS; k++) this.#swap(Field.SOURCE_IPV6 + k, Field.DESTINATION_IPV6 + k);
  }

  #swap(one: number, other: number): void {
    const { numbers } = this;
    const value = numbers[one]!;
    numbers[one] = numbers[other]!;
    numbers[other] = value;
  }
}

/** Where the records go. */
export interface FlowSink {
  /** The record is good until this returns. Hot. */
  flow(flow: Flow): void;
  /** A record that has no counts. */
  uncounted(): void;
  /** A record of packets that count where they are reported in the other direction. */
  repeated(flow: Flow): void;
}
