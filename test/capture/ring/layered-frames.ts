import fc from "fast-check";

/*
 * Frames as stacks of headers, most of them legal and some as no sane host would send them; what a filter has to keep so
 * that the parser reads all there is.
 */

/** Bytes, and the EtherType that the header before them has to name. */
interface Layer {
  etherType: number;
  bytes: number[];
}

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const MPLS = 0x8847;
const PPPOE = 0x8864;

const byte = fc.nat(0xff);
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => [...bytes]);

const ipv4: fc.Arbitrary<Layer> = fc
  .tuple(
    fc.constantFrom(0x45, 0x45, 0x46, 0x4f, 0x44, 0x65),
    fc.array(byte, { minLength: 19, maxLength: 19 }),
    // Not in fragments, and with a transport header: by chance few are.
    fc.constantFrom(undefined, 6, 17),
    payload,
  )
  .map(([first, header, protocol, rest]) => {
    const fields = protocol === undefined ? header : [...header.slice(0, 5), 0x40, 0, 64, protocol, ...header.slice(9)];
    return { etherType: IPV4, bytes: [first, ...fields, ...rest] };
  });

/** Type of an extension header, and its length in the unit that the type has. */
const extension = fc.tuple(
  fc.constantFrom(0, 43, 44, 51, 60, 135, 139, 140),
  fc.constantFrom(0, 0, 0, 1, 2, 5, 15, 31),
);

const ipv6: fc.Arbitrary<Layer> = fc
  .tuple(
    fc.array(extension, { maxLength: 10 }),
    fc.constantFrom(6, 17, 58, 59, 255),
    fc.array(byte, { minLength: 32, maxLength: 32 }),
    payload,
  )
  .map(([extensions, last, addresses, rest]) => {
    const types = [...extensions.map(([type]) => type), last];
    const headers = extensions.flatMap(([type, units], index) => extensionBytes(type, types[index + 1]!, units));
    return { etherType: IPV6, bytes: [0x60, 0, 0, 0, 0, 0, types[0]!, 64, ...addresses, ...headers, ...rest] };
  });

function extensionBytes(type: number, next: number, units: number): number[] {
  if (type === 44) return [next, 0, 0, units & 1, 0, 0, 0, 9];
  const bytes = type === 51 ? (units + 2) * 4 : (units + 1) * 8;
  return [next, units, ...Array<number>(bytes - 2).fill(1)];
}

const other: fc.Arbitrary<Layer> = fc
  .tuple(fc.oneof(fc.constantFrom(0x0806, 0x88cc, 0x0026, 0), fc.nat(0xffff)), payload)
  .map(([etherType, bytes]) => ({ etherType, bytes }));

/** What turns a layer into the one that it stands in. */
type Wrapper = (inner: Layer) => Layer;

const u16 = (value: number): number[] => [value >> 8, value & 0xff];

const tag: fc.Arbitrary<Wrapper> = fc
  .tuple(fc.constantFrom(0x8100, 0x88a8, 0x9100, 0x9200), byte)
  .map(([tpid, vlan]) => (inner) => ({ etherType: tpid, bytes: [0, vlan, ...u16(inner.etherType), ...inner.bytes] }));

const labels: fc.Arbitrary<Wrapper> = fc.integer({ min: 1, max: 10 }).map((count) => (inner) => ({
  etherType: MPLS,
  bytes: [...labelStack(count), ...inner.bytes],
}));

function labelStack(count: number): number[] {
  return Array.from({ length: count }, (_, index) => [0, 6, index === count - 1 ? 0x41 : 0x40, 64]).flat();
}

const pppoe: fc.Arbitrary<Wrapper> = fc
  .tuple(fc.boolean(), fc.boolean(), fc.integer({ min: 1, max: 10 }))
  .map(([hasAddress, isCompressed, count]) => (inner) => {
    const isIp = inner.etherType === IPV4 || inner.etherType === IPV6;
    const protocol = inner.etherType === IPV4 ? 0x21 : inner.etherType === IPV6 ? 0x57 : 0x0281;
    const stack = isIp ? [] : labelStack(count);
    const number = isCompressed && protocol < 0x100 ? [protocol] : u16(protocol);
    const ppp = [...(hasAddress ? [0xff, 0x03] : []), ...number, ...stack, ...inner.bytes];
    return { etherType: PPPOE, bytes: [0x11, 0, 0, 1, ...u16(ppp.length & 0xffff), ...ppp] };
  });

/** MPLS that stands in PPP, whatever it carries. */
const pppMpls: fc.Arbitrary<Wrapper> = pppoe.map((wrap) => (inner) => wrap({ etherType: MPLS, bytes: inner.bytes }));

/** A length as in 802.3, or what stands for one, and what LLC and SNAP may say. */
const llc: fc.Arbitrary<Wrapper> = fc
  .tuple(
    fc.constantFrom(0x05dc, 0x05dc, 0, 0x8870, 0x05dd),
    fc.constantFrom([0xaa, 0xaa], [0xaa, 0xaa], [0xab, 0xab], [0x06, 0x06], [0x07, 0x06], [0xaa, 0x06], [0x42, 0x42]),
    fc.constantFrom(0x03, 0x03, 0x03, 0),
    fc.constantFrom([0, 0, 0], [0, 0, 0], [0, 0, 0xf8], [0, 0, 0x0c], [0, 0x80, 0xc2], [1, 0, 0]),
  )
  .map(([length, saps, control, oui]) => (inner) => {
    const snap = saps[1] === 0x06 ? [] : [...oui, ...u16(inner.etherType)];
    return { etherType: length, bytes: [...saps, control, ...snap, ...inner.bytes] };
  });

const wrappers = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: tag },
    { weight: 2, arbitrary: labels },
    { weight: 1, arbitrary: pppoe },
    { weight: 1, arbitrary: pppMpls },
    { weight: 2, arbitrary: llc },
  ),
  { maxLength: 10 },
);

/** What an interface without link header hands over: the EtherType, and the bytes that follow. */
export const layers: fc.Arbitrary<Layer> = fc
  .tuple(
    fc.oneof({ weight: 2, arbitrary: ipv4 }, { weight: 5, arbitrary: ipv6 }, { weight: 1, arbitrary: other }),
    fc.oneof(fc.constant([]), wrappers),
    fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  )
  .map(([inner, wraps, kept]) => {
    const whole = wraps.reduce((layer, wrap) => wrap(layer), inner);
    return { ...whole, bytes: whole.bytes.slice(0, Math.ceil(whole.bytes.length * kept)) };
  });

/** Ethernet frames, some of which end in the middle of a header. */
export const frames: fc.Arbitrary<Uint8Array> = fc
  .tuple(layers, fc.oneof({ weight: 20, arbitrary: fc.constant(1e9) }, { weight: 1, arbitrary: fc.nat(14) }))
  .map(([{ etherType, bytes }, end]) =>
    Uint8Array.from([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...u16(etherType), ...bytes]).slice(0, end),
  );
