import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { type ContainerFault, MAX_INFLATED_BYTES } from "../../../../src/collectors/wialon/protocol/container.ts";
import { crc16 } from "../../../../src/collectors/wialon/protocol/crc16.ts";
import { LineParser, type PacketListener } from "../../../../src/collectors/wialon/protocol/line-parser.ts";
import { TYPE_NAMES } from "../../../../src/collectors/wialon/protocol/packet-type.ts";
import { Version } from "../../../../src/collectors/wialon/protocol/version.ts";
import { MemoryBudget } from "../../../../src/collectors/wialon/streams/memory-budget.ts";
import { binary, blackBox, compressed, data, line, shortData } from "../../../support/wialon/packets.ts";

/** Writes down what it is told. */
class Listener implements PacketListener {
  readonly told: string[] = [];

  began(type: number): void {
    this.told.push(TYPE_NAMES[type]!);
  }

  ended({ type, bytes, isChecksumWrong, fields }: LineParser, isWhole: boolean): void {
    const points = TYPE_NAMES[type] === "B" ? ` ${fields.points()} points` : "";
    this.told.push(`/${bytes}${points}${isChecksumWrong ? " wrong" : ""}${isWhole ? "" : " cut"}`);
  }

  failed(): void {
    this.told.push("failed");
  }

  named(device: string): void {
    this.told.push(`named ${device}`);
  }

  unpacked(containerBytes: number, fault: ContainerFault | undefined): void {
    this.told.push(fault ?? `unpacked ${containerBytes}`);
  }
}

class Site {
  readonly listener = new Listener();
  readonly budget = new MemoryBudget(1 << 20);
  readonly parser = new LineParser(this.listener, this.budget);

  constructor(isDatagram = false, version: Version = Version.UNKNOWN) {
    this.parser.serve(this.listener, isDatagram, version);
  }

  feed(text: string | Buffer, pieceBytes = text.length): this {
    const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      this.parser.parse(bytes, at, Math.min(bytes.length, at + pieceBytes));
    }
    return this;
  }

  get told(): string {
    return this.listener.told.join(" ");
  }
}

/** A text as one compressed packet. */
function packed(text: string | Buffer): Buffer {
  const deflated = deflateSync(text);
  return Buffer.concat([Buffer.from([0xff, deflated.length & 0xff, deflated.length >> 8]), deflated]);
}

function told(text: string | Buffer, version: Version = Version.UNKNOWN): string {
  return new Site(false, version).feed(text).told;
}

describe("a packet", () => {
  test("is counted when its type is known, of all there are", () => {
    for (const type of TYPE_NAMES) assert.equal(told(`#${type}#0;0\r\n`).split(" ")[0], type);
  });

  test("ends with CR LF, or either of them", () => {
    assert.equal(told("#P#\r\n#P#\n#P#\r#P#\r\n"), "P /5 P /4 P /4 P /5");
  });

  test("of an unknown type is an error, and the next line is read", () => {
    assert.equal(told("#XX#1;2\r\n#P#\r\n"), "failed P /5");
    assert.equal(told("##\r\n#P#\r\n"), "failed P /5");
    assert.equal(told("#p#\r\n#P#\r\n"), "failed P /5");
    assert.equal(told("#AD\r\n#P#\r\n"), "failed P /5");
    assert.equal(told("#\0P#\r\n#\0\0P#\r\n#P#\r\n"), "failed failed P /5");
  });

  test("whose type is too long is one error, however long it is", () => {
    assert.equal(told(`#${"A".repeat(10_000)}#1#2#3#\r\n#P#\r\n`), "failed P /5");
  });

  test("may follow bytes that are none", () => {
    assert.equal(told("noise; more\xff\xfe noise#P#\r\nMsg from a server\r\n#P#\r\n"), "P /5 P /5");
  });

  test("is read the same in pieces of one byte", () => {
    const options = { protocol: "2.0" } as const;
    const packets = [
      line("L", "2.0;imei;NA", options),
      blackBox([shortData(1), data(2)], options),
      binary("I", Buffer.from("#D#\r\n\xff"), "0;1;1;2;a.jpg", options),
      compressed(line("D", data(3), options)),
      line("M", "a;b", { ...options, isDamaged: true }),
    ];
    const bytes = Buffer.concat(packets.map((packet) => packet.bytes));
    const whole = new Site().feed(bytes).told;
    assert.match(whole, /^L named imei \/21 B \/\d+ 2 points I \/\d+ unpacked \d+ D \/\d+ M \/\d+ wrong$/);
    for (const pieceBytes of [1, 2, 3, 7, 50]) assert.equal(new Site().feed(bytes, pieceBytes).told, whole);
  });
});

describe("the examples of Gurtam's documents", () => {
  test("are read", () => {
    const examples = {
      FF1B00780153F65136D233B0CECC4DCDB4F673B476B4343602002FF404E6: "unpacked 27 L named imei /19",
      FF180078DA53F651CECC4DCDB42E482C2E2ECF2F4A01002D1C05E5: "unpacked 24 L named imei /16",
    };
    for (const [hex, expected] of Object.entries(examples)) assert.equal(told(Buffer.from(hex, "hex")), expected);
    const [, photo] = ["", "#I#28923;1;1;070512;124010;sample.jpg\r\n"];
    assert.equal(told(`#AI#0;1\r\n#AI#1\r\n${photo}`), "AI /9 AI /7 I");
  });
});

describe("a login", () => {
  test("names the device, and nothing tells the password", () => {
    assert.equal(told("#L#imei;secret\r\n"), "L named imei /16");
    assert.equal(told("#L#2.0;imei;secret;0000\r\n"), "L named imei /25 wrong");
    assert.equal(told("#L#secret\r\n"), "L /11");
    assert.equal(told("#L#2.0;secret\r\n"), "L /15 wrong");
  });

  test("decides whether there are checksums", () => {
    const site = new Site().feed("#L#imei;NA\r\n");
    assert.equal(site.parser.version, Version.WITHOUT_CHECKSUM);
    assert.equal(site.feed("#M#hello;1234\r\n").told, "L named imei /12 M /15");
  });
});

describe("a checksum", () => {
  const damaged = { protocol: "2.0", isDamaged: true } as const;
  const sound = { protocol: "2.0" } as const;

  test("is checked in every type that has one", () => {
    const binaryData = Buffer.from("\r\n#P#\r\n");
    const make = (options: typeof sound | typeof damaged) => [
      line("SD", shortData(1), options),
      line("D", data(1), options),
      blackBox([data(1)], options),
      line("M", "text", options),
      line("IT", "1;2;3;;4", options),
      binary("I", binaryData, "0;0;1;2;x", options),
      binary("T", binaryData, "0", options),
      binary("US", binaryData, "", options),
      binary("UC", binaryData, "", options),
    ];
    for (const packet of make(sound)) assert.doesNotMatch(told(packet.bytes, Version.WITH_CHECKSUM), /wrong|failed/);
    for (const packet of make(damaged)) {
      assert.match(told(packet.bytes, Version.WITH_CHECKSUM), /wrong$/, packet.type);
      assert.doesNotMatch(told(packet.bytes, Version.WITHOUT_CHECKSUM), /wrong/, packet.type);
    }
  });

  test("shows the version of a stream that was joined in the middle", () => {
    const wrong = line("SD", shortData(1), damaged).bytes;
    assert.doesNotMatch(told(wrong), /wrong/);
    assert.match(told(Buffer.concat([line("SD", shortData(1), sound).bytes, wrong])), /wrong$/);
  });

  test("may be in small letters, but must be there", () => {
    const bytes = Buffer.from(line("SD", shortData(1), sound).bytes.toString().toLowerCase().replace("#sd#", "#SD#"));
    assert.match(told(bytes, Version.WITH_CHECKSUM), /^SD \/\d+ wrong$/, "the text is in small letters too");
    assert.match(told("#M#hello\r\n", Version.WITH_CHECKSUM), /wrong/);
    assert.match(told("#M#hello;xyzw\r\n", Version.WITH_CHECKSUM), /wrong/);
    assert.match(told("#M#hello;12345\r\n", Version.WITH_CHECKSUM), /wrong/);
  });
});

describe("a black box", () => {
  test("has a point before each bar, and one behind the last unless that is a checksum", () => {
    assert.equal(told("#B#a;b|c;d|e;f\r\n"), "B /16 3 points");
    assert.equal(told("#B#a;b|c;d|1F2E\r\n"), "B /17 2 points");
    assert.equal(told("#B#a;b\r\n"), "B /8 1 points");
    assert.equal(told("#B#\r\n"), "B /5 0 points");
  });
});

describe("binary data", () => {
  test("is skipped by its length, whatever is in it", () => {
    assert.equal(told("#I#8;0;1;2;3;x\r\n#P#\r\n#P#P#\r\n"), "I /24 P /5".replace("P /5", "failed"));
    assert.equal(told("#US#5\r\n#P#\r\n#P#\r\n"), "US /12 P /5");
    assert.equal(told("#T#;5;0;FFFF\r\n#P#\r\n#P#\r\n"), "T /19 P /5");
    assert.equal(told("#UC#0\r\n#P#\r\n"), "UC /7 P /5");
    assert.equal(told("#IT#5;1;2;;9\r\n#P#\r\n"), "IT /14 P /5", "which announces blocks, not bytes");
  });

  test("of no legal length is an error", () => {
    for (const length of ["", "x", "-1", "1e3", "9999999999", "300000000"]) {
      assert.match(told(`#US#${length}\r\n#P#\r\n`), /^US failed \/\d+ P \/5$/, length);
    }
  });
});

describe("a compressed packet", () => {
  test("needs no end of line, and normal ones go on behind it", () => {
    const packet = compressed(line("P", "", { protocol: "1.1" })).bytes;
    const bare = deflateSync("#P#");
    assert.match(
      told(Buffer.concat([packet, Buffer.from("#P#\r\n"), packet])),
      /^unpacked \d+ P \/5 P \/5 unpacked \d+ P \/5$/,
    );
    assert.match(told(Buffer.concat([Buffer.from([0xff, bare.length, 0]), bare])), /^unpacked \d+ P \/3$/);
  });

  test("that is damaged is left out as a whole", () => {
    const { bytes } = compressed(line("D", data(1), { protocol: "1.1" }));
    bytes[20]! ^= 0xff;
    assert.equal(told(Buffer.concat([bytes, Buffer.from("#P#\r\n")])), "corrupt P /5");
    assert.equal(told("\xff\x02\x00ab#P#\r\n"), "corrupt P /5", "what is no zlib data hides nothing");
    assert.equal(told("\xff\x00\x00#P#\r\n"), "corrupt P /5");
  });

  test("that unpacks to too much is not unpacked", () => {
    const bomb = deflateSync(Buffer.alloc(20 * MAX_INFLATED_BYTES, "#D#\r\n"));
    const head = Buffer.from([0xff, bomb.length & 0xff, bomb.length >> 8]);
    assert.equal(told(Buffer.concat([head, bomb, Buffer.from("#P#\r\n")])), "too_large P /5");
  });

  test("that unpacks to far more than any message does is not unpacked, however small it is", () => {
    const bomb = deflateSync(Buffer.alloc(900_000, "A"));
    const head = Buffer.from([0xff, bomb.length & 0xff, bomb.length >> 8]);
    assert.equal(told(Buffer.concat([head, bomb, Buffer.from("#P#\r\n")])), "too_large P /5");
    const points = Array.from({ length: 5_000 }, (_, index) => data(index));
    const largest = compressed(blackBox(points, { protocol: "2.0" })).bytes;
    assert.match(told(largest), / 5000 points$/);
  });

  test("with thousands of packets in it is read in part, so that it holds nothing up", () => {
    const site = new Site();
    const many = packed(Array.from({ length: 100_000 }, (_, index) => `#P#${index % 250}\r\n`).join(""));
    site.feed(Buffer.concat([many, Buffer.from("#P#\r\n")]));
    const { told } = site.listener;
    assert.equal(told.filter((text) => text === "P").length, 5_001);
    assert.equal(told.filter((text) => text === "too_large").length, 1);
  });

  test("counts each of the packets in it once, right or wrong", () => {
    const site = new Site();
    const lines = Array.from({ length: 5_001 }, (_, index) => (index < 4_000 ? "#X#" : index < 4_900 ? "#" : "#P#"));
    site.feed(packed(lines.map((line, index) => `${line}\r\n${index % 997}\r\n`).join("")));
    const { told } = site.listener;
    assert.equal(told.filter((text) => text === "failed").length, 4_900);
    assert.equal(told.filter((text) => text === "P").length, 100);
  });

  test("holds no compressed packet", () => {
    const inner = compressed(line("P", "", { protocol: "1.1" })).bytes;
    const outer = deflateSync(inner);
    assert.match(told(Buffer.concat([Buffer.from([0xff, outer.length, 0]), outer])), /^unpacked \d+$/);
  });

  test("in pieces is kept no longer than it takes, and not when memory is short", () => {
    const site = new Site();
    const { bytes } = compressed(line("D", data(1), { protocol: "1.1" }));
    site.feed(bytes.subarray(0, 30));
    assert.equal(site.budget.usedBytes, bytes.length - 3);
    site.feed(bytes.subarray(30));
    assert.equal(site.budget.usedBytes, 0);
    assert.match(site.told, /^unpacked \d+ D \/\d+$/);
    site.budget.take((1 << 20) - 10);
    site.feed(bytes, 30).feed("#P#\r\n");
    assert.match(site.told, / overflow P \/5$/);
  });
});

describe("behind a gap", () => {
  test("reading goes on at the next line, or at once where a packet begins", () => {
    const site = new Site().feed("#SD#1;2");
    site.parser.skip(10);
    site.feed("3;4\r\n#P#\r\n#SD#1");
    site.parser.skip(10);
    site.feed("#P#\r\n");
    assert.equal(site.told, "SD /7 cut P /5 SD /5 cut P /5");
  });

  test("binary data and compressed packets end where they would have ended", () => {
    const site = new Site().feed("#US#10\r\nabc");
    site.parser.skip(4);
    site.feed("#P##P#\r\n");
    const { bytes } = compressed(line("D", data(1), { protocol: "1.1" }));
    site.feed(bytes.subarray(0, 20));
    site.parser.skip(10);
    site.feed(bytes.subarray(30)).feed("#P#\r\n").feed(bytes.subarray(0, 20));
    site.parser.skip(1000);
    site.feed("#P#\r\n");
    assert.equal(site.told, "US /14 P /5 lost P /5 lost P /5");
    assert.equal(site.budget.usedBytes, 0);
  });
});

describe("a datagram", () => {
  function toldOf(...datagrams: (string | Buffer)[]): string {
    const site = new Site(true);
    for (const text of datagrams) {
      const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
      site.parser.parseAll(bytes, 0, bytes.length);
    }
    return site.told;
  }

  test("names its device before the packet, with the version or without", () => {
    assert.equal(toldOf("imei#SD#1;2\r\n", "imei#P#"), "named imei SD /13 named imei P /7");
    assert.equal(toldOf("2.0;imei#M#1;FFFF\r\n"), "named imei M /19 wrong");
    assert.equal(toldOf("#ASD#1\r\n"), "ASD /8");
    assert.equal(toldOf("2.0;imei#M#1;FFFF\r\n#M#1;FFFF\r\n"), "named imei M /19 wrong M /11 wrong");
    assert.equal(toldOf("imei#P#\r\nother#P#\r\n"), "named imei P /9 named other P /10");
  });

  test("is read for itself, whatever the one before it was", () => {
    assert.equal(
      toldOf("imei#US#100\r\nabc", "imei#P#\r\n", "imei#X", "imei", "imei#P#\r\n"),
      "named imei US /16 cut named imei P /9 named imei failed named imei P /9",
    );
  });

  test("may be compressed", () => {
    const { bytes } = compressed({ ...line("P", "", { protocol: "1.1" }), bytes: Buffer.from("imei#P#\r\n") });
    assert.match(toldOf(bytes), /^unpacked \d+ named imei P \/9$/);
  });
});

describe("the bounds of the parser:", () => {
  test("three letters may be a type, four are none", () => {
    assert.equal(told("#AIT"), "");
    assert.equal(told("#AITX"), "failed");
  });

  test("72 characters before a packet are read", () => {
    const site = new Site(true).feed(`${"x".repeat(73)}#P#\r\n`);
    assert.equal(site.told, `named ${"x".repeat(72)} P /77`);
  });

  test("a gap that ends with the binary data belongs to it, a longer one does not", () => {
    const within = new Site().feed("#US#10\r\nabc");
    within.parser.skip(7);
    assert.equal(within.told, "US /11");
    const beyond = new Site().feed("#US#10\r\nabc");
    beyond.parser.skip(8);
    assert.equal(beyond.told, "US /11 cut");
  });

  test("256 MiB of binary data are legal, and nine digits", () => {
    assert.equal(told("#US#268435456\r\n#P#\r\n"), "US");
    assert.match(told("#US#268435457\r\n#P#\r\n"), /^US failed \/\d+ P \/5$/);
    assert.match(told("#US#0000000005\r\n#P#\r\n"), /^US failed \/\d+ P \/5$/);
  });

  test("the length of binary data is not its checksum", () => {
    const bytes = Buffer.from("#US#0004\r\n0000", "latin1");
    let value = 0;
    while (crc16(0, bytes, 10, 14) !== 0x0004) bytes.writeUInt32BE(value++, 10);
    assert.match(told(bytes, Version.WITH_CHECKSUM), / wrong$/);
  });

  const LAST = {
    "#P#250\r\n": "P /8",
    "#P#250": "P /6",
    "#P#": "P /3",
    "#P#\r\nnone": "P /5",
    "#PX#1\r\n\n": "failed",
  };
  const before = Array.from({ length: 4_999 }, (_, index) => `#P#${index % 250}\r\n`).join("");
  for (const [last, expected] of Object.entries(LAST)) {
    test(`5,000 packets are unpacked, and that is not too much, if ${JSON.stringify(last)} is the last`, () => {
      const each = new Site().feed(packed(before + last)).listener.told;
      assert.equal(each.slice(1 + 2 * 4_999).join(" "), expected);
    });
  }

  test("5,001 packets are too much, and 5,000 are read to their end", () => {
    const each = new Site().feed(packed(`${before}#P#250\r\n#P#\r\n#P#\r\n`)).listener.told;
    assert.equal(each.slice(1 + 2 * 4_999).join(" "), "P /8 too_large");
  });

  test("the 5,000th packet has the checksum that its line ends with", () => {
    const points = Array.from({ length: 5_000 }, (_, index) => line("D", data(index), { protocol: "2.0" }).bytes);
    const each = new Site(false, Version.WITH_CHECKSUM).feed(packed(Buffer.concat(points))).listener.told;
    assert.equal(each.slice(-2).join(" "), `D /${points.at(-1)!.length}`);
  });
});

test("anything at all is read without an error, in whatever pieces, and nothing is kept", () => {
  const words = [
    "#",
    "#L#",
    "#I#9;",
    "#US#3\r\n",
    "\r\n",
    ";",
    "|",
    "2.0",
    "\xff\x03\x00",
    "\xff\x09\x00\x78\x9c",
    "abc",
  ];
  const part = fc.oneof(fc.constantFrom(...words), fc.string({ unit: "binary", maxLength: 9 }));
  const text = fc.array(part, { maxLength: 60 }).map((parts) => Buffer.from(parts.join(""), "latin1"));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 30 }), fc.boolean(), (bytes, pieceBytes, isDatagram) => {
      const site = new Site(isDatagram);
      site.feed(bytes, pieceBytes);
      site.parser.skip(5);
      site.feed(bytes, pieceBytes).parser.cut();
      assert.equal(site.budget.usedBytes, 0);
      const again = new Site(isDatagram);
      again.feed(bytes);
      again.parser.skip(5);
      again.feed(bytes).parser.cut();
      assert.equal(again.told, site.told, "pieces make no difference");
    }),
    { numRuns: 2000 },
  );
});
