import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Verdict } from "../../src/flows/verdict.ts";
import {
  be,
  type Bytes,
  ipfix,
  netflow9,
  options9,
  optionsIpfix,
  type Read,
  Reading,
  set,
  type Spec,
  template,
  u16,
  u32,
} from "./datagrams.ts";

/* Templates as devices send them; records of them are made here, with values that tell fields from their neighbours. */

/** Fields as "element:length", and ":enterprise" if it has one. */
function fieldsOf(text: string): Spec[] {
  return text.split(" ").map((field) => field.split(":").map(Number) as unknown as Spec);
}

const VARIABLE = 65_535;

/** A record with these values of elements; of what else there is, enterprises' fields and long ones are not 0. */
function recordOf(text: string, values: Readonly<Record<number, number>>): Bytes {
  return fieldsOf(text).flatMap(([element, length, enterprise]) => {
    if (length === VARIABLE) return [3, 0x61, 0x62, 0x63];
    if (enterprise !== undefined || length > 8) return Array<number>(length).fill(0xa5);
    return be(values[element] ?? 0, length);
  });
}

interface Device {
  readonly name: string;
  readonly template: string;
  readonly values: Readonly<Record<number, number>>;
  readonly read: Read;
}

const ENDS = { 7: 50_000, 11: 443, 4: 6 };
const READ_ENDS = { source_port: 50_000, destination_port: 443, protocol: 6 };
const COUNTS = { 1: 1500, 2: 3, 10: 110, 14: 158, ...ENDS };
const READ_COUNTS = { bytes: 1500, packets: 3, input: 110, output: 158, ...READ_ENDS };

const DEVICES_9: readonly Device[] = [
  {
    name: "Cisco ASR 9000 (IOS XR)",
    template:
      "2:4 1:4 8:4 12:4 10:4 14:4 21:4 22:4 7:2 11:2 16:4 17:4 18:4 9:1 13:1 4:1 6:1 5:1 61:1 89:1 48:2 234:4 235:4",
    values: { ...COUNTS, 16: 64_500, 17: 4_200_000_000, 6: 27, 5: 184, 48: 1 },
    read: { ...READ_COUNTS, source_as: 64_500, destination_as: 4_200_000_000, tcp_flags: 27, tos: 184, sampler: 1 },
  },
  {
    name: "Cisco ASR 1000 (Flexible NetFlow)",
    template: "8:4 12:4 5:1 4:1 7:2 11:2 10:4 95:4 15:4 14:4 61:1 1:4 2:4 152:8 153:8",
    values: { ...COUNTS, 61: 1, 95: 0x0d00_0050 },
    read: { ...READ_COUNTS, direction: 1 },
  },
  {
    name: "Cisco ISR with NBAR",
    template:
      "8:4 12:4 95:4 10:4 14:4 7:2 11:2 61:1 5:1 4:1 9:1 195:1 56:6 80:6 16:2 17:2 182:2 181:2 15:4 44:4 48:4 1:4 2:4 22:4 21:4 54:4",
    values: { ...COUNTS, 16: 65_000, 17: 65_001, 182: 9, 181: 9 },
    read: { ...READ_COUNTS, source_as: 65_000, destination_as: 65_001 },
  },
  {
    name: "Cisco ASA (security events, whose bytes are of the whole flow)",
    template:
      "148:4 8:4 7:2 10:2 12:4 11:2 14:2 4:1 176:1 177:1 40001:4 40002:4 40003:2 40004:2 40005:1 33002:2 323:8 85:4 152:8 33000:12 33001:12 40000:20",
    values: { ...ENDS, 10: 3, 14: 2, 85: 4096, 40001: 7, 33002: 2018 },
    read: { ...READ_ENDS, input: 3, output: 2, bytes: 4096 },
  },
  {
    name: "Cisco wireless controllers",
    template: "8:4 12:4 7:2 11:2 4:1 61:1 95:4 365:6 367:6 20000:2 58:2 5:1 22:4 21:4 1:8 2:8 371:33",
    values: { ...ENDS, 1: 142_000_000, 2: 133_708, 58: 100, 20000: 5 },
    read: { ...READ_ENDS, bytes: 142_000_000, packets: 133_708, vlan: 100 },
  },
  {
    name: "Juniper SRX",
    template: "8:4 12:4 5:1 4:1 7:2 11:2 32:2 10:4 9:1 13:1 16:4 17:4 18:4 6:1 14:4 15:4 1:4 2:4 22:4 21:4 60:1",
    values: { ...COUNTS, 16: 64_500, 17: 64_501, 32: 771 },
    read: { ...READ_COUNTS, source_as: 64_500, destination_as: 64_501 },
  },
  {
    name: "Huawei NetStream",
    template:
      "8:4 12:4 15:4 2:4 1:4 22:4 21:4 18:4 10:2 14:2 7:2 11:2 16:2 17:2 58:2 59:2 232:2 6:1 4:1 5:1 9:1 13:1 61:1 89:1 210:3",
    values: { ...COUNTS, 58: 201, 59: 202, 61: 1, 16: 1, 17: 2 },
    read: { ...READ_COUNTS, vlan: 201, direction: 1, source_as: 1, destination_as: 2 },
  },
  {
    name: "H3C NetStream, with a field of variable length in v9",
    template:
      "2:8 1:8 22:4 21:4 10:4 14:4 8:4 12:4 15:4 16:4 17:4 7:2 11:2 60:1 6:1 4:1 5:1 9:1 13:1 61:1 89:1 43:2 35:1 0:1 34:4 93:4 92:4 236:65535",
    values: { ...COUNTS, 34: 1000 },
    read: { ...READ_COUNTS, interval: 1000 },
  },
  {
    name: "Fortinet FortiGate, which counts in both directions",
    template:
      "1:8 23:8 2:4 24:4 22:4 21:4 7:2 11:2 10:2 14:2 4:1 95:9 65:2 89:1 136:1 8:4 12:4 225:4 226:4 227:2 228:2",
    values: { ...COUNTS, 23: 1500, 24: 3 },
    read: { ...READ_COUNTS, post_bytes: 1500, post_packets: 3 },
  },
  {
    name: "nProbe",
    template: "1:4 2:4 4:1 5:1 6:1 7:2 8:4 9:1 10:2 11:2 12:4 13:1 14:2 15:4 16:4 17:4 21:4 22:4",
    values: { ...COUNTS, 5: 16, 6: 24, 16: 64_500 },
    read: { ...READ_COUNTS, tos: 16, tcp_flags: 24, source_as: 64_500 },
  },
  {
    name: "Palo Alto PAN-OS",
    template: "1:8 2:4 4:1 5:1 6:1 7:2 8:4 10:4 11:2 12:4 14:4 21:4 22:4 32:2 61:1 148:8 233:1 346:4 56701:32 56702:64",
    values: { ...COUNTS, 10: 500_010_024, 346: 25_461 },
    read: { ...READ_COUNTS, input: 500_010_024 },
  },
  {
    name: "Ubiquiti EdgeRouter, what goes out",
    template: "21:4 22:4 1:4 2:4 60:1 10:2 14:2 61:1 3:4 8:4 12:4 7:2 11:2 5:1 6:1 4:1 81:6 57:6 59:2 201:4",
    values: { ...COUNTS, 61: 1, 3: 1 },
    read: { ...READ_COUNTS, direction: 1 },
  },
];

const DEVICES_IPFIX: readonly Device[] = [
  {
    name: "MikroTik RouterOS",
    template: "60:1 22:4 21:4 2:4 1:4 7:2 11:2 10:4 14:4 4:1 6:1 8:4 12:4 15:4 225:4 226:4",
    values: COUNTS,
    read: READ_COUNTS,
  },
  {
    name: "MikroTik RouterOS, IPv6",
    template: "60:1 22:4 21:4 2:4 1:4 7:2 11:2 10:4 14:4 4:1 6:1 27:16 28:16 62:16",
    values: { ...COUNTS, 60: 6 },
    read: READ_COUNTS,
  },
  {
    name: "VMware distributed switches",
    template:
      "8:4 12:4 1:8 2:8 152:8 153:8 7:2 11:2 10:4 14:4 4:1 136:1 6:1 5:1 53:1 61:1 351:8 881:4:6876 882:4:6876 886:2:6876 887:2:6876 880:1:6876 890:2:6876 888:2:6876 889:1:6876",
    values: { ...COUNTS, 351: 5001 },
    read: READ_COUNTS,
  },
  {
    name: "Citrix NetScaler",
    template:
      "138:4 144:4 148:8 129:4:5951 133:4:5951 60:1 4:1 210:2 8:4 12:4 7:2 11:2 2:8 1:8 6:1 132:8:5951 154:8 155:8 10:4 14:4 151:4:5951 192:16:5951 193:1:5951 330:2:5951 205:65535:5951 130:65535:5951",
    values: { ...COUNTS, 14: 2_147_483_651 },
    read: { ...READ_COUNTS, output: 2_147_483_651 },
  },
  {
    name: "Viptela, with totals beside what was added",
    template:
      "4321:8:41916 8:4 12:4 195:1 11:2 7:2 4:1 150:4 151:4 85:8 1:8 86:8 2:8 6:2 26:8 25:8 15:4 10:4 14:4 32:2 136:1 196:1 5:1 210:7",
    values: { ...COUNTS, 85: 999_999, 86: 999 },
    read: READ_COUNTS,
  },
  {
    name: "OpenBSD pflow",
    template: "27:16 28:16 10:4 14:4 2:8 1:8 152:8 153:8 7:2 11:2 5:1 4:1",
    values: COUNTS,
    read: READ_COUNTS,
  },
  {
    name: "YAF, of which nothing came on the way back",
    template:
      "152:8 153:8 85:4 85:4:29305 86:4 86:4:29305 8:4 12:4 7:2 11:2 40:2:6871 16424:2:6871 4:1 136:1 33:2:6871 21:4:6871 58:2 58:2:29305 5:1 5:1:29305 293:65535",
    values: { ...ENDS, 85: 166, 86: 2, 58: 12 },
    read: { ...READ_ENDS, bytes: 166, packets: 2, vlan: 12, reverse_bytes: 0xa5a5_a5a5, reverse_packets: 0xa5a5_a5a5 },
  },
];

describe("templates of devices", () => {
  for (const { name, template: text, values, read } of DEVICES_9) {
    test(`${name}: NetFlow v9`, () => {
      const reading = new Reading();
      const sets = [set(0, template(300, ...fieldsOf(text))), set(300, recordOf(text, values), recordOf(text, values))];
      assert.equal(reading.read(netflow9(sets)), Verdict.READ);
      assert.deepEqual(reading.take(), [read, read]);
    });
  }

  for (const { name, template: text, values, read } of DEVICES_IPFIX) {
    test(`${name}: IPFIX`, () => {
      const reading = new Reading();
      const sets = [set(2, template(300, ...fieldsOf(text))), set(300, recordOf(text, values), recordOf(text, values))];
      assert.equal(reading.read(ipfix(sets)), Verdict.READ);
      assert.deepEqual(
        reading.take().filter(({ source_port }) => source_port === ENDS[7]),
        [read, read],
      );
    });
  }

  test("Nokia: translations of addresses have no counts", () => {
    const text = "148:8 8:4 12:4 7:2 11:2 152:8 4:1 210:1 91:2:637 92:2:637 210:1 93:65535:637";
    const reading = new Reading();
    reading.read(ipfix([set(2, template(256, ...fieldsOf(text))), set(256, recordOf(text, ENDS))]));
    assert.deepEqual([reading.take(), reading.uncounted], [[], 1]);
  });
});

describe("what devices tell of sampling", () => {
  const COUNTS_9 = "1:4 2:4 10:4 48:2";
  const read9 = (...sets: readonly Bytes[]): number[] => {
    const reading = new Reading();
    const flows = [set(0, template(300, ...fieldsOf(COUNTS_9))), set(300, recordOf(COUNTS_9, { 1: 10, 2: 1, 48: 1 }))];
    assert.equal(reading.read(netflow9([...sets, ...flows])), Verdict.READ);
    return reading.take().map(({ interval = 0 }) => interval);
  };

  test("Cisco ASR 9000: samplers, with their names, beside names of interfaces", () => {
    const [samplers, interfaces] = [fieldsOf("48:2 50:4 49:1 84:32"), fieldsOf("10:4 83:64")];
    const name = (text: string, length: number): number[] => [...Buffer.from(text.padEnd(length, "\0"))];
    const intervals = read9(
      set(1, options9(256, [[1, 4]], interfaces)),
      set(1, options9(257, [[1, 4]], samplers)),
      set(256, [...u32(0), ...u32(110), ...name("to the core", 64)]),
      set(257, [...u32(0), ...u16(1), ...u32(2000), 2, ...name("one-in-2000", 32)]),
    );
    assert.deepEqual(intervals, [2000]);
  });

  test("Juniper SRX: a scope without a length", () => {
    const options = options9(256, [[1, 0]], fieldsOf("35:1 34:4"));
    assert.deepEqual(read9(set(1, options), set(256, [2, ...u32(100)])), [100]);
  });

  test("Fortinet: statistics of the exporter with its interval", () => {
    const options = options9(256, [[1, 2]], fieldsOf("40:8 41:8 42:8 36:2 37:2 34:4 35:1"));
    const record = [...u16(0), ...be(1, 8), ...be(2, 8), ...be(3, 8), ...u16(60), ...u16(15), ...u32(512), 1];
    assert.deepEqual(read9(set(1, options), set(256, record)), [512]);
  });

  test("Juniper MX: statistics of the exporting process with its interval", () => {
    const fields = fieldsOf("41:8 42:8 160:8 130:4 131:16 34:4 36:2 37:2 214:1 215:1");
    const record = [...u32(7), ...Array<number>(44).fill(0xa5), ...u32(1000), ...u16(60), ...u16(60), 10, 17];
    const flows = "1:8 2:8 10:4";
    const reading = new Reading();
    reading.read(ipfix([set(3, optionsIpfix(512, [[144, 4]], fields)), set(512, record)]));
    reading.read(ipfix([set(2, template(300, ...fieldsOf(flows))), set(300, recordOf(flows, { 1: 10, 2: 1, 10: 5 }))]));
    assert.deepEqual(reading.take(), [{ bytes: 10, packets: 1, input: 5, interval: 1000 }]);
  });
});

describe("counts of what goes out", () => {
  /** As a device has it that fills them for records of egress, and the others for those of ingress. */
  const FIELDS = "10:2 14:2 2:4 1:4 24:4 23:4 61:1 39:1 0:0 0:0";
  const COMMON = { 10: 3, 14: 2 };
  const IN = recordOf(FIELDS, { ...COMMON, 1: 320, 2: 10 });
  const OUT = recordOf(FIELDS, { ...COMMON, 23: 320, 24: 10, 61: 1 });

  test("are those of a record that has no others", () => {
    const reading = new Reading();
    reading.read(netflow9([set(0, template(256, ...fieldsOf(FIELDS))), set(256, OUT)]));
    const [flow] = reading.take();
    assert.deepEqual([flow?.bytes, flow?.packets, flow?.direction], [320, 10, 1]);
    const alone = "24:4 23:4 10:2";
    reading.read(netflow9([set(0, template(257, ...fieldsOf(alone)))]));
    for (const bytes of [70, 80]) reading.read(netflow9([set(257, recordOf(alone, { 23: bytes, 24: 1 }))]));
    const two = [50, 60].map((bytes) => recordOf(alone, { 23: bytes, 24: 1 }));
    reading.read(netflow9([set(257, ...two)]));
    assert.deepEqual(
      reading.take().map((each) => each.bytes),
      [70, 80, 50, 60],
    );
  });

  test("are not counted again beside those of what came in", () => {
    const reading = new Reading();
    reading.read(netflow9([set(0, template(256, ...fieldsOf(FIELDS))), set(256, IN, OUT, IN)]));
    assert.deepEqual(
      reading.take().map(({ bytes }) => bytes),
      [320, 320],
    );
    assert.equal(reading.repeated, 1);
  });
});

test("zeros behind the last set are padding, as Cisco ACI and Palo Alto have them", () => {
  for (const zeros of [4, 24, 1000]) {
    const reading = new Reading();
    const datagram = netflow9([set(0, template(256, [1, 4], [2, 4])), set(256, [...u32(9), ...u32(1)])]);
    assert.equal(reading.read([...datagram, ...Array<number>(zeros).fill(0)]), Verdict.READ);
    assert.deepEqual(reading.take(), [{ bytes: 9, packets: 1 }]);
  }
});
