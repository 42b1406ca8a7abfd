import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FlatScanner } from "../../../../src/collectors/flow/records/flat-scanner.ts";
import { FlowReader } from "../../../../src/collectors/flow/records/flow-reader.ts";
import { FIELD_KEYS, FlowRecord, Verdict } from "../../../../src/collectors/flow/records/flow-record.ts";

const KEYS = ["label", "iface_in", "ip_proto", "tag"];

interface Read {
  verdict: Verdict;
  bytes?: number;
  packets?: number;
  as_src?: number;
  as_dst?: number;
  texts?: string[];
}

/** What a message holds, read in the middle of other bytes, which it must not look at. */
function read(message: string | Uint8Array): Read[] {
  const found: Read[] = [];
  const reader = new FlowReader(KEYS, false, {
    flow({ bytes, packets, sourceAs, destinationAs, text, starts, ends }) {
      const texts = KEYS.map((_, k) => Buffer.from(text.subarray(starts[k], ends[k])).toString());
      found.push({ verdict: Verdict.FLOW, bytes, packets, as_src: sourceAs, as_dst: destinationAs, texts });
    },
    refused: (verdict) => found.push({ verdict }),
  });
  const content = Buffer.from(message);
  const data = Buffer.concat([Buffer.from('{"bytes":'), content, Buffer.from(':77,"bytes":1}')]);
  reader.read(data, 9, 9 + content.length);
  return found;
}

const flow = (fields: Partial<Read>): Read => ({
  verdict: Verdict.FLOW,
  bytes: 0,
  packets: 0,
  as_src: 0,
  as_dst: 0,
  texts: ["", "", "", ""],
  ...fields,
});

const MESSAGES: Record<string, [string, Read[]]> = {
  "a record of pmacct": [
    '{"label": "bdr1.example.com", "as_src": 15169, "as_dst": 6939, "iface_in": 3, "iface_out": 7, "packets": 1, "bytes": 52}',
    [flow({ bytes: 52, packets: 1, as_src: 15_169, as_dst: 6939, texts: ["bdr1.example.com", "3", "", ""] })],
  ],
  "several records, a line each": [
    '{"bytes": 1}\n{"bytes": 2}\r\n\n{"bytes": 3}\n',
    [flow({ bytes: 1 }), flow({ bytes: 2 }), flow({ bytes: 3 })],
  ],
  "an array of records": [
    '[{"bytes":1},{"bytes":2},3,[]]',
    [flow({ bytes: 1 }), flow({ bytes: 2 }), { verdict: 4 }, { verdict: 4 }],
  ],
  "an array over several lines": ['[\n{"bytes":1},\n{"bytes":2}\n]\n', [flow({ bytes: 1 }), flow({ bytes: 2 })]],
  "an object over several lines": ['{\n  "bytes": 1\n}\n', [flow({ bytes: 1 })]],
  "bytes above 2^32": ['{"bytes": 5000000000}', [flow({ bytes: 5_000_000_000 })]],
  "the largest number there is": ['{"bytes": 9007199254740991}', [flow({ bytes: 9_007_199_254_740_991 })]],
  "numbers in quotes": ['{"bytes": "52", "as_src": "15169"}', [flow({ bytes: 52, as_src: 15_169 })]],
  "a label that is an object": [
    '{"bytes":1,"label":{"nkey":"100.1","x":2}}',
    [flow({ bytes: 1, texts: ["nkey=100.1,x=2", "", "", ""] })],
  ],
  "labels that are no texts": [
    '{"bytes":1,"label":null,"iface_in":true,"ip_proto":1.5,"tag":[1,"a",null]}',
    [flow({ bytes: 1, texts: ["", "true", "1.5", "1,a,"] })],
  ],
  "escapes and other alphabets": [
    '{"bytes":1,"label":"\\u0061\\tb","tag":"é"}',
    [flow({ bytes: 1, texts: ["a\u{fffd}b", "", "", "é"] })],
  ],
  "the last of two values": [
    '{"bytes":1,"label":"a","bytes":2,"label":"b"}',
    [flow({ bytes: 2, texts: ["b", "", "", ""] })],
  ],
  "keys that every object has": ['{"__proto__":{"bytes":9},"constructor":1,"bytes":2}', [flow({ bytes: 2 })]],
  marks: [
    '{"event_type":"purge_init","writer_pid":1}\n{"event_type": "purge_close"}',
    [{ verdict: Verdict.MARKER }, { verdict: Verdict.MARKER }],
  ],
  "marks that JSON.parse reads": ['{"event_type":"purge_init","x":{}}', [{ verdict: Verdict.MARKER }]],
  "a record of an event": ['{"event_type":"purge","bytes":3}', [flow({ bytes: 3 })]],
  "no bytes": ['{"packets":1}', [{ verdict: Verdict.NO_BYTES }]],
  "an empty object": ["{}", [{ verdict: Verdict.NO_BYTES }]],
  "negative bytes": ['{"bytes":-5}', [{ verdict: Verdict.NEGATIVE }]],
  "negative packets": ['{"bytes":5,"packets":"-1"}', [{ verdict: Verdict.NEGATIVE }]],
  "too many bytes": ['{"bytes":9007199254740993}', [{ verdict: Verdict.TOO_LARGE }]],
  "endless bytes": ['{"bytes":1e999}', [{ verdict: Verdict.TOO_LARGE }]],
  "an AS of more than 32 bits": ['{"bytes":1,"as_dst":4294967296}', [{ verdict: Verdict.TOO_LARGE }]],
  "a part of a byte": ['{"bytes":1.5}', [{ verdict: Verdict.NOT_A_NUMBER }]],
  "bytes that are a text": ['{"bytes":"many"}', [{ verdict: Verdict.NOT_A_NUMBER }]],
  "bytes that are an object": ['{"bytes":{}}', [{ verdict: Verdict.NOT_A_NUMBER }]],
  nothing: ["", [{ verdict: Verdict.EMPTY }]],
  blanks: [" \n\t\r\n", [{ verdict: Verdict.EMPTY }]],
  "no object": ["5", [{ verdict: Verdict.NOT_AN_OBJECT }]],
  "no JSON": ["bytes=5", [{ verdict: Verdict.NOT_JSON }]],
  "a bad line between good ones": [
    '{"bytes":1}\n{"bytes":\n{"bytes":3}',
    [flow({ bytes: 1 }), { verdict: Verdict.NOT_JSON }, flow({ bytes: 3 })],
  ],
  "two objects on a line": ['{"bytes":1} {"bytes":2}', [{ verdict: Verdict.NOT_JSON }]],
  "a number that JSON does not know": ['{"bytes":NaN}', [{ verdict: Verdict.NOT_JSON }]],
  "a number with a zero before it": ['{"bytes":052}', [{ verdict: Verdict.NOT_JSON }]],
};

describe("a message with", () => {
  for (const [name, [message, expected]] of Object.entries(MESSAGES)) {
    test(name, () => assert.deepEqual(read(message), expected));
  }

  test("no value at all is empty", () => {
    const verdicts: Verdict[] = [];
    const reader = new FlowReader([], false, { flow() {}, refused: (verdict) => verdicts.push(verdict) });
    reader.read(Buffer.from("{}"), 1, 0);
    assert.deepEqual(verdicts, [Verdict.EMPTY]);
  });

  test("a label longer than 128 bytes is cut between characters", () => {
    for (const character of ["a", "é", "€", "😀"]) {
      const [found] = read(JSON.stringify({ bytes: 1, label: character.repeat(200) }));
      const width = Buffer.byteLength(character);
      assert.equal(found?.texts?.[0], character.repeat(Math.floor(128 / width)));
    }
  });

  test("labels nested deeper than anything can follow are empty, and nothing is thrown", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    for (const label of [deep, `{"nkey":${deep}}`, `[${deep}]`]) {
      const [found, ...rest] = read(`{"bytes":1,"label":${label},"iface_in":3}\n{"bytes":2}`);
      assert.equal(found?.bytes, 1);
      assert.equal(found.texts?.[1], "3");
      assert.deepEqual(rest, [flow({ bytes: 2 })]);
    }
    assert.deepEqual(read(deep), [{ verdict: Verdict.NOT_AN_OBJECT }]);
  });

  test("a line that is cut short is never a record", () => {
    const line = '{"label": "r1", "as_src": 1, "bytes": 5}';
    for (let length = 1; length < line.length; length++) {
      assert.deepEqual(read(line.slice(0, length)), [{ verdict: Verdict.NOT_JSON }], line.slice(0, length));
    }
  });
});

/** Reads as the reader is to do, by JSON.parse alone. */
function model(message: string): Read[] {
  const judge = (value: unknown): Read[] => (Array.isArray(value) ? value.map(judgeOne) : [judgeOne(value)]);
  const lines = message.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) return [{ verdict: Verdict.EMPTY }];
  const parsed = lines.map((line) => attempt(line));
  const whole = parsed[0] === undefined && lines.length > 1 ? attempt(message) : undefined;
  if (whole !== undefined) return judge(whole.value);
  return parsed.flatMap((each) => (each === undefined ? [{ verdict: Verdict.NOT_JSON }] : judge(each.value)));
}

function attempt(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function judgeOne(value: unknown): Read {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { verdict: Verdict.NOT_AN_OBJECT };
  const fields = new Map(Object.entries(value));
  const numbers = FIELD_KEYS.slice(0, 4).map((key) => {
    const given: unknown = fields.get(key) ?? undefined;
    const isDigits = typeof given === "string" && /^-?\d+$/.test(given);
    if (given === undefined) return key === "bytes" ? undefined : 0;
    return typeof given === "number" || isDigits ? Number(given) : Number.NaN;
  });
  const [bytes, packets, as_src, as_dst] = numbers;
  const isMark = ["purge_init", "purge_close"].includes(fields.get("event_type") as string);
  if (bytes === undefined) return { verdict: isMark ? Verdict.MARKER : Verdict.NO_BYTES };
  for (const [k, number] of numbers.entries()) {
    if (number! < 0) return { verdict: Verdict.NEGATIVE };
    if (number !== Number.POSITIVE_INFINITY && !Number.isInteger(number)) return { verdict: Verdict.NOT_A_NUMBER };
    if (number! > (k < 2 ? Number.MAX_SAFE_INTEGER : 2 ** 32 - 1)) return { verdict: Verdict.TOO_LARGE };
  }
  const texts = KEYS.map((key) =>
    String((fields.get(key) ?? "") as string | number | boolean).replace(/\p{Cc}/gu, "\u{fffd}"),
  );
  return { verdict: Verdict.FLOW, bytes, packets, as_src, as_dst, texts };
}

describe("any message", () => {
  const scalar = fc.oneof(
    { weight: 4, arbitrary: fc.nat() },
    fc.maxSafeInteger(),
    fc.double({ noDefaultInfinity: true, noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.nat().map(String),
    fc.constantFrom("purge_init", "purge_close", "-3", "007", "1e3", "\u{7f}", "a\tb"),
    fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => text.isWellFormed()),
  );
  const key = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<string>(...FIELD_KEYS, ...KEYS, "event_type") },
    fc.constantFrom("__proto__", "toString", "byte", "bytess", "lebal"),
    fc.string({ maxLength: 6 }),
  );
  // Not as objects: keys may come twice.
  const line = fc
    .tuple(
      fc.array(fc.tuple(key, scalar), { maxLength: 8 }),
      fc.constantFrom(",", ", ", " ,\t"),
      fc.constantFrom(":", ": "),
    )
    .map(
      ([pairs, comma, colon]) =>
        `{${pairs.map((pair) => pair.map((each) => JSON.stringify(each)).join(colon)).join(comma)}}`,
    );
  const message = fc
    .array(fc.oneof({ weight: 5, arbitrary: line }, fc.constantFrom("", " ", "[]", "x", "{")), { maxLength: 5 })
    .map((lines) => lines.join("\n"));

  test("is read as JSON.parse reads it", () => {
    fc.assert(
      fc.property(message, (text) => assert.deepEqual(read(text), model(text))),
      { numRuns: 3000 },
    );
  });

  test("is read as JSON.parse reads it when a character of it is another", () => {
    const changed = fc
      .tuple(message, fc.nat(), fc.constantFrom(...'{}[]",:\\ 0-.e5tn'.split("")))
      .map(([text, at, character]) => {
        const place = text.length === 0 ? 0 : at % text.length;
        return text.slice(0, place) + character + text.slice(place + 1);
      });
    // What a change makes an object or an array of is for the cases above.
    const isFlat = (text: string) => text.isWellFormed() && !/[[\]]|:\s*\{/.test(text);
    fc.assert(
      fc.property(changed.filter(isFlat), (text) => assert.deepEqual(read(text), model(text))),
      { numRuns: 3000 },
    );
  });

  test("of random bytes is read to its end, and gives verdicts", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.ok(read(bytes).length > 0);
      }),
    );
  });
});

test("the scanner reads what pmacct writes, and leaves what is rare to JSON.parse", () => {
  const scan = (text: string): number => {
    const data = Buffer.from(text);
    return new FlatScanner(new FlowRecord(KEYS, false)).scan(data, 0, data.length);
  };
  const plain =
    '{"event_type": "purge", "label": "r1", "ip_proto": "tcp", "tag": 0, "bytes": 52, "timestamp": "2026-01-01 00:00:00.000000"}';
  assert.equal(scan(plain), plain.length);
  assert.equal(scan("{}"), 2);
  for (const rare of [
    '{"a":{}}',
    '{"a":1.5}',
    '{"a":-1}',
    '{"a":"\\n"}',
    '{"a":"é"}',
    '{"a":null}',
    "[]",
    '{\n"a":1}',
    '{"a":1,}',
  ]) {
    assert.equal(scan(rare), -1, rare);
  }
});
