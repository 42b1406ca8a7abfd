import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Verdict } from "../../src/flows/verdict.ts";
import {
  type Bytes,
  ipfix,
  netflow9,
  options9,
  optionsIpfix,
  Reading,
  set,
  type Spec,
  template,
  u16,
  u32,
} from "./datagrams.ts";

const VERDICTS: readonly number[] = Object.values(Verdict);
const COUNTS = template(256, [1, 4], [2, 4]);
const counts = (bytes: number): Bytes => [...u32(bytes), ...u32(1)];

const ids = fc.integer({ min: 250, max: 262 });
const lengths = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(65_535));
const fields = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 320 }), lengths, fc.option(fc.constantFrom(0, 9, 29_305), { nil: undefined })),
  { maxLength: 6 },
) as fc.Arbitrary<Spec[]>;
const body = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 120 });

const setsOfIpfix = fc.oneof(
  fc.tuple(ids, fields).map(([id, specs]) => set(2, template(id, ...specs))),
  fc.tuple(ids, fields, fields).map(([id, scopes, specs]) => set(3, optionsIpfix(id, scopes, specs))),
  fc.tuple(fc.integer({ min: 0, max: 300 }), body).map(([id, bytes]) => set(id, bytes)),
);
const setsOf9 = fc.oneof(
  fc.tuple(ids, fields).map(([id, specs]) => set(0, template(id, ...specs))),
  fc.tuple(ids, fields, fields).map(([id, scopes, specs]) => set(1, options9(id, scopes, specs))),
  fc.tuple(fc.integer({ min: 0, max: 300 }), body).map(([id, bytes]) => set(id, bytes)),
);
const sound = fc.oneof(
  fc.array(setsOfIpfix, { maxLength: 6 }).map((sets) => ipfix(sets)),
  fc.array(setsOf9, { maxLength: 6 }).map((sets) => netflow9(sets)),
);
const header = fc.constantFrom(u16(5), u16(9), u16(10), u32(5));
const noise = fc.tuple(header, body).map(([start, rest]) => [...start, ...rest]);
const damaged = fc
  .tuple(sound, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }), fc.nat())
  .map(([bytes, changes, cut]) => {
    const copy = [...bytes];
    for (const [at, value] of changes) copy[at % copy.length] = value;
    return copy.slice(0, copy.length - (cut % 8));
  });

describe("datagrams that lie", () => {
  test("are a verdict, whatever came before, and leave nothing behind when their exporter goes", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(noise, sound, damaged), { maxLength: 12 }), (datagrams) => {
        const reading = new Reading();
        for (const datagram of datagrams) assert.ok(VERDICTS.includes(reading.read(datagram)));
        for (const { bytes = 0, packets = 0, interval = 0 } of reading.flows) {
          assert.ok(bytes >= 0 && packets >= 0 && interval >= 0);
        }
        reading.exporter.leave();
        const { domains, templates, numbers, held } = reading.room;
        assert.deepEqual([domains, templates, numbers, held.count], [0, 0, 0, 0]);
      }),
      { numRuns: 400 },
    );
  });

  test("can't have templates without end, and those that are there stay", () => {
    const reading = new Reading();
    reading.read(ipfix([set(2, COUNTS)]));
    const sets = Array.from({ length: 100 }, (_, k) => set(2, template(300 + k, [1, 4])));
    for (let domain = 1; domain <= 1100; domain++) reading.read(ipfix(sets, { domain }));
    const { templates, domains, refusedTemplates } = reading.room;
    assert.deepEqual([templates, domains], [65_536, 1024]);
    assert.equal(refusedTemplates, 1 + 1023 * 100 - 65_536);
    reading.read(ipfix([set(256, counts(5))]));
    assert.deepEqual(reading.take(), [{ bytes: 5, packets: 1 }]);
  });

  test("can't have sets held without end: the oldest go, and are counted", () => {
    const reading = new Reading();
    // The id of the set is behind the header of the message.
    const large = ipfix([set(1000, Array<number>(60_000).fill(1))]);
    for (let k = 0; k < 200; k++) reading.read(large.with(17, k));
    const { held } = reading.room;
    assert.equal(held.count, Math.floor((8 * 2 ** 20) / 60_000));
    assert.equal(held.count + held.dropped, 200);
    for (let k = 0; k < 20_000; k++) reading.read(ipfix([set(256, counts(k))]));
    assert.equal(held.count, 16_384);
    reading.read(ipfix([set(2, COUNTS)]));
    const flows = reading.take();
    assert.deepEqual([flows.length, flows[0]?.bytes ?? 0, held.count], [16_384, 20_000 - 16_384, 0]);
  });
});
