import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Exporter } from "../../src/flows/exporter.ts";
import { Verdict } from "../../src/flows/verdict.ts";
import {
  type Bytes,
  hex,
  ipfix,
  netflow5,
  netflow9,
  options9,
  optionsIpfix,
  Reading,
  record5,
  set,
  template,
  u16,
  u32,
  u64,
  u8,
} from "./datagrams.ts";

const BYTES = 1;
const PACKETS = 2;
const INPUT = 10;
const OUTPUT = 14;
const VARIABLE = 65_535;
const REVERSE = 29_305;
const CISCO = 9;

/** Of a template of counts alone, as most of these tests have it. */
const COUNTS = template(256, [BYTES, 4], [PACKETS, 4]);
const counts = (bytes: number, packets: number): Bytes => [...u32(bytes), ...u32(packets)];

describe("NetFlow v5", () => {
  /** As a router sends it: two records, of one packet in 100. */
  const DATAGRAM = hex(`
    0005 0002 00012345 65000000 00000000 00000007 01 02 4064
    0a000001 c0000201 0a0000fe 0003 0007 00000002 00000bb8 00010000 00010010 c001 01bb 00 1b 06 00 fbf4 1b1b 18 18 0000
    c0000201 0a000001 00000000 0007 0003 00000001 00000034 00010000 00010010 01bb c001 00 10 11 b8 1b1b fbf4 18 18 0000
  `);

  test("is read to the last record", () => {
    const reading = new Reading();
    assert.equal(reading.read(DATAGRAM), Verdict.READ);
    assert.deepEqual(reading.take(), [
      {
        bytes: 3000,
        packets: 2,
        source_as: 64_500,
        destination_as: 6939,
        input: 3,
        output: 7,
        protocol: 6,
        source_port: 49_153,
        destination_port: 443,
        tcp_flags: 0x1b,
        interval: 100,
      },
      {
        bytes: 52,
        packets: 1,
        source_as: 6939,
        destination_as: 64_500,
        input: 7,
        output: 3,
        protocol: 17,
        source_port: 443,
        destination_port: 49_153,
        tcp_flags: 0x10,
        tos: 0xb8,
        interval: 100,
      },
    ]);
    assert.deepEqual([...reading.exporter.records], [2, 0, 0, 0]);
  });

  test("is truncated at every shorter length, and what is whole of it counts", () => {
    for (let length = 0; length < DATAGRAM.length; length++) {
      const reading = new Reading();
      assert.equal(reading.read(DATAGRAM.slice(0, length)), Verdict.TRUNCATED, `of ${length} bytes`);
      assert.equal(reading.flows.length, length < 24 + 48 ? 0 : 1, `of ${length} bytes`);
    }
  });

  test("counts records by its sequence, for each engine", () => {
    const reading = new Reading();
    const send = (sequence: number, domain: number): unknown =>
      reading.read(netflow5([record5(), record5()], { sequence, domain }));
    for (const sequence of [10, 12, 14, 20, 22, 16, 24]) send(sequence, 1);
    for (const sequence of [4_294_967_294, 0, 2]) send(sequence, 2);
    const found = [...reading.exporter.domains.values()].map(({ id, sequence }) => [id, sequence.lost, sequence.late]);
    assert.deepEqual(found, [
      [1, 4, 2],
      [2, 0, 0],
    ]);
  });

  test("has lost nothing if its sequence is that of the last record, as Open vSwitch has it", () => {
    const reading = new Reading();
    let sequence = -1;
    for (const records of [1, 19, 30, 4, 30, 30]) {
      sequence += records;
      reading.read(
        netflow5(
          Array.from({ length: records }, () => record5()),
          { sequence },
        ),
      );
    }
    const [domain] = reading.exporter.domains.values();
    assert.deepEqual([domain?.sequence.lost, domain?.sequence.late, domain?.sequence.restarts], [0, 0, 0]);
  });

  test("of an exporter that begins again has lost nothing", () => {
    const reading = new Reading();
    for (const sequence of [1_000_000, 1_000_001, 0, 1, 2]) reading.read(netflow5([record5()], { sequence }));
    const [domain] = reading.exporter.domains.values();
    assert.deepEqual([domain?.sequence.lost, domain?.sequence.late, domain?.sequence.restarts], [0, 0, 1]);
  });

  test("of an exporter that begins again before it has come far is followed soon", () => {
    const reading = new Reading();
    const send = (sequence: number): unknown => reading.read(netflow5([record5()], { sequence }));
    for (let sequence = 0; sequence < 3000; sequence++) send(sequence);
    for (let sequence = 0; sequence < 20; sequence++) send(sequence);
    send(25);
    const [domain] = reading.exporter.domains.values();
    assert.deepEqual([domain?.sequence.lost, domain?.sequence.late, domain?.sequence.restarts], [5, 16, 1]);
    // What comes late without an order, or between others, is late.
    for (let k = 0; k < 100; k++) send(24 - (k % 5));
    for (let sequence = 26; sequence < 100; sequence++) {
      send(sequence);
      send(sequence - 20);
    }
    assert.deepEqual([domain?.sequence.lost, domain?.sequence.restarts], [5, 1]);
  });
});

describe("NetFlow v9", () => {
  const SAMPLERS = options9(
    257,
    [[1, 4]],
    [
      [48, 1],
      [49, 1],
      [50, 4],
    ],
  );
  const sampler = (id: number, interval: number): Bytes => [...u32(0), ...u8(id), ...u8(2), ...u32(interval)];

  test("is read by its templates, whatever else they hold", () => {
    const reading = new Reading();
    const fields = template(300, [8, 4], [12, 4], [INPUT, 2], [99, 3], [OUTPUT, 4], [BYTES, 8], [PACKETS, 3], [61, 1]);
    const record = [...hex("0a000001 0a000002 0005 aabbcc 00010006"), ...u64(5e9), ...hex("010000 00")];
    assert.equal(reading.read(netflow9([set(0, fields), set(300, record, record)])), Verdict.READ);
    const flow = { bytes: 5e9, packets: 65_536, input: 5, output: 65_542 };
    assert.deepEqual(reading.take(), [flow, flow]);
  });

  test("that comes before its template is held until that comes", () => {
    const reading = new Reading();
    for (let k = 1; k <= 3; k++) reading.read(netflow9([set(256, counts(k, 1))], { sequence: k }));
    reading.read(netflow9([set(257, counts(9, 1))], { sequence: 4 }));
    assert.deepEqual([reading.take(), reading.room.held.count], [[], 4]);
    reading.read(netflow9([set(0, COUNTS)], { sequence: 5 }));
    assert.deepEqual(
      reading.take().map(({ bytes }) => bytes),
      [1, 2, 3],
    );
    assert.deepEqual([reading.room.held.count, reading.room.held.dropped], [1, 0]);
    assert.equal([...reading.exporter.domains.values()][0]?.sequence.lost, 0);
  });

  test("has templates of its own in each source, and of each exporter", () => {
    const reading = new Reading();
    const swapped = template(256, [PACKETS, 4], [BYTES, 4]);
    reading.read(netflow9([set(0, COUNTS)], { domain: 1 }));
    reading.read(netflow9([set(0, swapped)], { domain: 2 }));
    for (const domain of [1, 2, 3]) reading.read(netflow9([set(256, counts(7, 8))], { domain }));
    reading.read(netflow9([set(256, counts(7, 8))], { domain: 1 }), new Exporter(reading.room));
    assert.deepEqual(reading.take(), [
      { bytes: 7, packets: 8 },
      { bytes: 8, packets: 7 },
    ]);
  });

  test("tells by options how its samplers sample", () => {
    const reading = new Reading();
    const sampled = template(256, [BYTES, 4], [PACKETS, 4], [48, 1]);
    const records = [1, 2, 3].map((id) => [...counts(10, 1), ...u8(id)]);
    reading.read(netflow9([set(0, sampled), set(1, SAMPLERS)]));
    reading.read(netflow9([set(256, ...records)], { sequence: 1 }));
    reading.read(netflow9([set(257, sampler(1, 100), sampler(2, 1000))], { sequence: 2 }));
    reading.read(netflow9([set(256, ...records)], { sequence: 3 }));
    const intervals = reading.take().map(({ interval = 0 }) => interval);
    assert.deepEqual(intervals, [0, 0, 0, 100, 1000, 0]);
  });

  test("has one sampler for records that name none, if it tells of only one", () => {
    const reading = new Reading();
    reading.read(netflow9([set(0, COUNTS), set(1, SAMPLERS), set(257, sampler(4, 512)), set(256, counts(1, 1))]));
    assert.deepEqual(reading.take(), [{ bytes: 1, packets: 1, interval: 512 }]);
  });

  test("has the last of several for such records, as when a sampler is set up again with another id", () => {
    const reading = new Reading();
    reading.read(netflow9([set(0, COUNTS), set(1, SAMPLERS), set(257, sampler(4, 512), sampler(5, 1000))]));
    reading.read(netflow9([set(256, counts(1, 1))]));
    const sampled = template(258, [BYTES, 4], [48, 1]);
    reading.read(netflow9([set(0, sampled), set(258, [...u32(1), ...u8(4)], [...u32(1), ...u8(6)])]));
    assert.deepEqual(
      reading.take().map(({ interval = 0 }) => interval),
      [1000, 512, 0],
    );
  });

  test("knows the samplers that were told last, of more than there may be", () => {
    const reading = new Reading();
    const options = options9(
      257,
      [[1, 4]],
      [
        [48, 4],
        [50, 4],
      ],
    );
    const tell = (id: number): Bytes => [...u32(0), ...u32(id), ...u32(id)];
    reading.read(netflow9([set(0, template(256, [BYTES, 4], [48, 4])), set(1, options)]));
    for (let id = 1; id <= 2000; id++) reading.read(netflow9([set(257, tell(id))]));
    for (const id of [2000, 1000, 900]) reading.read(netflow9([set(256, [...u32(1), ...u32(id)])]));
    assert.deepEqual(
      reading.take().map(({ interval = 0 }) => interval),
      [2000, 1000, 0],
    );
  });

  test("tells by options how its interfaces sample, or all of it", () => {
    const reading = new Reading();
    const perInterface = options9(258, [[2, 4]], [[34, 4]]);
    const forAll = options9(
      259,
      [[1, 4]],
      [
        [34, 4],
        [35, 1],
      ],
    );
    const flows = template(256, [BYTES, 4], [PACKETS, 4], [INPUT, 2]);
    reading.read(netflow9([set(0, flows), set(1, perInterface), set(1, forAll)]));
    reading.read(netflow9([set(258, [...u32(7), ...u32(64)]), set(259, [...u32(0), ...u32(32), ...u8(1)])]));
    reading.read(netflow9([set(256, [...counts(1, 1), ...u16(7)], [...counts(1, 1), ...u16(8)])]));
    assert.deepEqual(
      reading.take().map(({ interval }) => interval),
      [64, 32],
    );
  });

  test("counts datagrams by its sequence", () => {
    const reading = new Reading();
    for (const sequence of [5, 6, 9, 10]) reading.read(netflow9([set(0, COUNTS)], { sequence }));
    assert.equal([...reading.exporter.domains.values()][0]?.sequence.lost, 2);
  });

  test("is malformed if a template is none, or a set is shorter than its header", () => {
    for (const bad of [
      set(0, template(255, [BYTES, 4])),
      set(0, template(256, [BYTES, 0])),
      set(0, [...u16(256), ...u16(9), ...u16(1), ...u16(4)]),
      set(1, [...u16(256), ...u16(3), ...u16(4), ...u32(0), ...u32(0)]),
      [...u16(256), ...u16(3), ...u32(0)],
    ]) {
      assert.equal(new Reading().read(netflow9([bad])), Verdict.MALFORMED, bad.join(" "));
    }
  });

  test("leaves out records without counts, and says how many", () => {
    const reading = new Reading();
    const events = template(256, [8, 4], [12, 4], [233, 1]);
    reading.read(netflow9([set(0, events), set(256, Array<number>(18).fill(1))]));
    assert.deepEqual([reading.take(), reading.uncounted], [[], 2]);
  });
});

describe("IPFIX", () => {
  test("is read by templates with fields of variable length", () => {
    const reading = new Reading();
    const fields = template(256, [82, VARIABLE], [BYTES, 4], [96, VARIABLE], [PACKETS, VARIABLE], [INPUT, 4]);
    const short = [...u8(3), ...hex("657468"), ...u32(1000), ...u8(0), ...u8(2), ...u16(300), ...u32(9)];
    const long = [...u8(255), ...u16(300), ...Array<number>(300).fill(65), ...u32(7), ...u8(0), ...u8(0), ...u32(8)];
    const needlessly = [...u8(255), ...u16(1), ...u8(65), ...u32(6), ...u8(0), ...u8(1), ...u8(5), ...u32(4)];
    assert.equal(reading.read(ipfix([set(2, fields), set(256, short, long, needlessly, short)])), Verdict.READ);
    const flow = { bytes: 1000, packets: 300, input: 9 };
    assert.deepEqual(reading.take(), [flow, { bytes: 7, input: 8 }, { bytes: 6, packets: 5, input: 4 }, flow]);
  });

  test("is malformed if a field is longer than its set", () => {
    const reading = new Reading();
    const fields = template(256, [82, VARIABLE], [BYTES, 4]);
    const lying = [...u8(200), ...hex("657468"), ...u32(1000)];
    assert.equal(reading.read(ipfix([set(2, fields), set(256, lying)])), Verdict.MALFORMED);
    assert.deepEqual(reading.take(), []);
  });

  test("passes over elements of enterprises", () => {
    const reading = new Reading();
    const fields = template(256, [BYTES, 4, CISCO], [BYTES, 4], [12_345, VARIABLE, CISCO], [PACKETS, 4]);
    reading.read(ipfix([set(2, fields), set(256, [...u32(1), ...u32(2), ...u8(1), ...u8(9), ...u32(3)])]));
    assert.deepEqual(reading.take(), [{ bytes: 2, packets: 3 }]);
  });

  test("has records of both ways, which are two", () => {
    const reading = new Reading();
    const both = [BYTES, PACKETS].map((element) => [element, 4, REVERSE] as const);
    const fields = template(256, [BYTES, 4], [PACKETS, 4], ...both, [16, 4], [17, 4], [INPUT, 2], [OUTPUT, 2]);
    const ends = [...u32(64_500), ...u32(4_200_000_000), ...u16(1), ...u16(2)];
    const records = [
      [...counts(1000, 10), ...counts(50, 5), ...ends],
      [...counts(7, 1), ...counts(0, 0), ...ends],
    ];
    reading.read(ipfix([set(2, fields), set(256, ...records)]));
    const there = { source_as: 64_500, destination_as: 4_200_000_000, input: 1, output: 2 };
    const back = { source_as: 4_200_000_000, destination_as: 64_500, input: 2, output: 1 };
    const reverse = { reverse_bytes: 50, reverse_packets: 5 };
    assert.deepEqual(reading.take(), [
      { bytes: 1000, packets: 10, ...reverse, ...there },
      { bytes: 50, packets: 5, ...reverse, ...back },
      { bytes: 7, packets: 1, ...there },
    ]);
  });

  test("reads a template that changes, and none that was withdrawn", () => {
    const reading = new Reading();
    reading.read(ipfix([set(2, COUNTS), set(256, counts(1, 2))]));
    reading.read(ipfix([set(2, template(256, [PACKETS, 4], [BYTES, 4])), set(256, counts(1, 2))]));
    assert.deepEqual(
      reading.take().map(({ bytes }) => bytes),
      [1, 2],
    );
    reading.read(ipfix([set(2, [...u16(256), ...u16(0)]), set(256, counts(1, 2))]));
    assert.deepEqual([reading.take(), reading.room.templates, reading.room.numbers], [[], 0, 0]);
    reading.read(ipfix([set(2, COUNTS, template(300, [BYTES, 4])), set(3, optionsIpfix(301, [[149, 4]], [[34, 4]]))]));
    assert.equal(reading.take().length, 1);
    reading.read(ipfix([set(2, [...u16(2), ...u16(0)])]));
    assert.equal(reading.room.templates, 1);
  });

  test("may have zeros behind its templates, which withdraw nothing, and no withdrawal without an id", () => {
    for (const zeros of [4, 8, 40]) {
      const reading = new Reading();
      const padding = Array<number>(zeros).fill(0);
      const options = optionsIpfix(257, [[149, 4]], [[34, 4]]);
      const sets = [
        set(2, COUNTS, padding),
        set(3, options, padding),
        set(257, u32(0), u32(9)),
        set(256, counts(7, 1)),
      ];
      assert.equal(reading.read(ipfix(sets)), Verdict.READ);
      assert.deepEqual(reading.take(), [{ bytes: 7, packets: 1, interval: 9 }]);
      for (const [kind, id] of [
        [2, 1],
        [2, 3],
        [3, 2],
        [2, 255],
      ] as const) {
        assert.equal(reading.read(ipfix([set(kind, [...u16(id), ...u16(0)])])), Verdict.MALFORMED);
      }
      assert.equal(reading.room.templates, 2);
    }
  });

  test("tells by options how it samples: n of N, or n and then none of m", () => {
    for (const [fields, values, interval] of [
      [
        [
          [305, 4],
          [306, 4],
        ],
        [1, 999],
        1000,
      ],
      [
        [
          [309, 4],
          [310, 4],
        ],
        [2, 200],
        100,
      ],
    ] as const) {
      const reading = new Reading();
      const options = optionsIpfix(257, [[302, 2]], [[304, 2], ...fields]);
      const record = [...u16(1), ...u16(1), ...values.flatMap((value) => u32(value))];
      reading.read(ipfix([set(2, COUNTS), set(3, options), set(257, record), set(256, counts(1, 1))]));
      assert.deepEqual(reading.take(), [{ bytes: 1, packets: 1, interval }]);
    }
  });

  test("counts records by its sequence, and nothing that it can't know", () => {
    const reading = new Reading();
    const send = (sequence: number, records: number, id = 256): unknown =>
      reading.read(ipfix([set(id, ...Array.from({ length: records }, () => counts(1, 1)))], { sequence }));
    reading.read(ipfix([set(2, COUNTS)], { sequence: 0 }));
    send(0, 3);
    send(3, 5);
    send(10, 1);
    const [domain] = reading.exporter.domains.values();
    assert.equal(domain?.sequence.lost, 2);
    // Nobody knows how many records are in a set without a template.
    send(11, 4, 999);
    send(77, 1);
    assert.equal(domain?.sequence.lost, 2);
    send(80, 7);
    assert.equal(domain?.sequence.lost, 4);
  });

  test("has lost nothing if its sequence counts the records of the message itself", () => {
    const reading = new Reading();
    let sequence = 0;
    for (const records of [1, 22, 30, 4, 17]) {
      sequence += records;
      const all = Array.from({ length: records }, () => counts(1, 1));
      reading.read(ipfix([set(2, COUNTS), set(256, ...all)], { sequence }));
    }
    assert.equal([...reading.exporter.domains.values()][0]?.sequence.lost, 0);
  });

  test("is as long as it says, and malformed if that is less than its header", () => {
    const message = ipfix([set(2, COUNTS), set(256, counts(1, 2))]);
    const reading = new Reading();
    assert.equal(reading.read([...message, ...set(256, counts(3, 4))]), Verdict.READ);
    assert.equal(reading.take().length, 1);
    for (let length = 0; length < message.length; length++) {
      assert.equal(reading.read(message.slice(0, length)), Verdict.TRUNCATED, `of ${length} bytes`);
    }
    assert.equal(reading.read([...u16(10), ...u16(15), ...message.slice(4)]), Verdict.MALFORMED);
    assert.deepEqual(reading.take(), []);
  });
});

test("records that have waited for their template for an hour are given up", () => {
  const reading = new Reading();
  const { held } = reading.room;
  held.advance(1000);
  reading.read(netflow9([set(256, counts(1, 1))]));
  held.advance(2000);
  reading.read(netflow9([set(256, counts(2, 1))]));
  held.advance(1000 + 3_600_000);
  assert.deepEqual([held.count, held.dropped], [2, 0]);
  held.advance(1001 + 3_600_000);
  assert.deepEqual([held.count, held.dropped], [1, 1]);
  reading.read(netflow9([set(0, COUNTS)]));
  assert.deepEqual(reading.take(), [{ bytes: 2, packets: 1 }]);
  held.advance(1e12);
  assert.deepEqual([held.count, held.dropped], [0, 1]);
});

test("a record of both ways that is reported where it goes out as well counts once for each", () => {
  const both = [
    [BYTES, 4],
    [BYTES, 4, REVERSE],
    [INPUT, 2],
    [OUTPUT, 2],
    [61, 1],
  ] as const;
  const record = (direction: number): Bytes => [...u32(100), ...u32(30), ...u16(1), ...u16(2), ...u8(direction)];
  const bytesOf = (direction: "auto" | "egress"): unknown => {
    const reading = new Reading({ direction });
    reading.read(ipfix([set(2, template(256, ...both)), set(256, record(0), record(1), record(0))]));
    return [...reading.take().map(({ bytes }) => bytes), -reading.repeated];
  };
  assert.deepEqual(bytesOf("auto"), [100, 30, 100, 30, -1]);
  assert.deepEqual(bytesOf("egress"), [100, 30, -2]);
});

test("records of what goes out count again when what comes in is reported no more", () => {
  const reading = new Reading();
  const directed = template(256, [BYTES, 4], [INPUT, 2], [OUTPUT, 2], [61, 1]);
  const record = (input: number, direction: number): Bytes => [...u32(1), ...u16(input), ...u16(9), ...u8(direction)];
  const egress = (input: number): Bytes => set(256, ...Array.from({ length: 4096 }, () => record(input, 1)));
  const counted = (): number => reading.take().length;
  reading.read(netflow9([set(0, directed), set(256, record(1, 0), record(2, 0))]));
  for (let k = 0; k < 16; k++) reading.read(netflow9([egress(1)]));
  assert.deepEqual([counted(), reading.repeated], [2, 16 * 4096]);
  // As long as it is reported at times, it stays.
  reading.read(netflow9([set(256, record(1, 0))]));
  for (let k = 0; k < 16; k++) reading.read(netflow9([egress(1)]));
  assert.deepEqual([counted(), reading.repeated], [1, 32 * 4096]);
  reading.read(netflow9([egress(1), set(256, record(2, 1))]));
  assert.deepEqual([counted(), reading.repeated], [4096, 32 * 4096 + 1]);
});

test("other versions are refused", () => {
  for (const version of [0, 1, 7, 8, 11, 65_535]) {
    assert.equal(new Reading().read([...u16(version), ...Array<number>(100).fill(0)]), Verdict.VERSION);
  }
});
