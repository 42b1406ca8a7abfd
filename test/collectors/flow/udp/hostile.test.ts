import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FlowLedger } from "../../../../src/collectors/flow/flow-ledger.ts";
import { type Datagrams, UdpIntake } from "../../../../src/collectors/flow/udp/udp-intake.ts";
import { REFUSALS } from "../../../../src/flows/verdict.ts";
import { type Bytes, netflow9, set, template, u32 } from "../../../flows/datagrams.ts";
import { HostileSource } from "../../../flows/hostile-source.ts";

/** Of each pass, which are all alike: one after the first can have nothing kept that was not kept before. */
const PASS_BYTES = 32 * 2 ** 20;
/** Of hostile datagrams, one of the real exporter. */
const REAL_EVERY = 50;
const REAL_RECORDS = 24;
/** Who takes whose place differs between passes, and so does what is kept; what leaks grows with each of them. */
const MAX_PASSES = 5;
/** More than there may be. */
const HOSTILE_EXPORTERS = 5000;
const MAX_SERIES = 10_000;
/** A byte for each ten that came would be less. */
const MAX_GROWTH_BYTES = 3 * 2 ** 20;
/** As many sets without a template as there may be, so that others take their place. */
const HELD_SETS = 16_384;

const REAL = 0x0a00_0001;
const HOSTILE = 0x0b00_0000;

/** What a socket would have brought: one datagram at a time. */
class Wire implements Datagrams {
  readonly view = new DataView(new ArrayBuffer(65_536));
  readonly #bytes = new Uint8Array(this.view.buffer);
  #length = 0;
  #sender = 0;

  put(sender: number, datagram: Uint8Array): this {
    this.#bytes.set(datagram);
    this.#length = datagram.length;
    this.#sender = sender;
    return this;
  }

  start(): number {
    return 0;
  }

  end(): number {
    return this.#length;
  }

  senderWord(_: number, word: number): number {
    if (word === 3) return this.#sender;
    return word === 2 ? 0xffff : 0;
  }
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

function bytesInUse(): number {
  collectGarbage();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

test("nothing of an exporter is lost or miscounted beside those that lie, and memory stays as it is", () => {
  const labels = ["label", "iface_in"];
  const ledger = new FlowLedger({ ownAs: 1, labels, maxSeries: MAX_SERIES });
  let nowMs = 0;
  const intake = new UdpIntake(ledger, { sampling: "auto", now: () => nowMs });
  const wire = new Wire();
  const fields = template(256, [1, 4], [2, 4], [10, 4]);
  const record = [...u32(1500), ...u32(3), ...u32(7)];
  const records = set(256, ...Array.from({ length: REAL_RECORDS }, () => record));
  let [sent, hostile] = [0, 0];
  const take = (sender: number, datagram: Uint8Array): void => intake.take(wire.put(sender, datagram), 1);
  const sendReal = (content: Bytes): void => take(REAL, Uint8Array.from(netflow9([content], { sequence: sent++ })));
  const flood = (): number => {
    const source = new HostileSource(1);
    for (let bytes = 0; bytes < PASS_BYTES;) {
      const datagram = source.next();
      bytes += datagram.length;
      nowMs = ++hostile;
      take(HOSTILE + source.below(HOSTILE_EXPORTERS), datagram);
      if (hostile % REAL_EVERY === 0) sendReal(records);
    }
    return bytesInUse();
  };
  sendReal(set(0, fields));
  const waiting = Uint8Array.from(netflow9([set(1000, Array<number>(480).fill(1))]));
  for (; hostile < HELD_SETS; hostile++) take(HOSTILE, waiting);
  const growths: number[] = [];
  for (let before = flood(); growths.length < MAX_PASSES; before += growths.at(-1)!) {
    growths.push(flood() - before);
    if (growths.at(-1)! < MAX_GROWTH_BYTES) break;
  }
  assert.ok(growths.at(-1)! < MAX_GROWTH_BYTES, `${growths.join(", ")} bytes more by each pass`);
  const slot = Array.from({ length: ledger.count }, (_, k) => k).find(
    (k) => ledger.sets.labelsOf(k).join(" ") === "10.0.0.1 7",
  )!;
  const counted = (sent - 1) * REAL_RECORDS;
  // Transit: its bytes and packets are the fifth and sixth counter.
  assert.deepEqual([...ledger.counters.subarray(8 * slot + 4, 8 * slot + 6)], [1500 * counted, 3 * counted]);
  const { exporters, verdicts, room } = intake;
  const [real] = [...exporters.all()].filter(({ name }) => name === "10.0.0.1");
  const [domain] = real!.exporter.domains.values();
  assert.deepEqual([real?.datagrams, domain?.sequence.lost, domain?.sequence.late], [sent, 0, 0]);
  const [datagrams, all] = [hostile + sent, verdicts.reduce((sum, count) => sum + count)];
  assert.equal(all, datagrams);
  for (const [verdict, reason] of REFUSALS) assert.ok(verdicts[verdict]! > 100, `${reason}: ${verdicts[verdict]}`);
  assert.ok(exporters.count <= 1024 && room.templates <= 65_536 && room.domains <= 16_384 && room.held.count <= 16_384);
});
