import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { KernelTables } from "../../../../src/capture/bpf/tables/kernel-tables.ts";
import { tableSizes, type TableSizes } from "../../../../src/capture/bpf/tables/table-sizes.ts";
import { SharedTables } from "../../../../src/capture/bpf/tables/shared-tables.ts";
import { CHUNK_SLOTS, EVENT, EVENT_SLOT, FIRST_FREE_SLOT, SLOT_BYTES } from "../../../../src/capture/bpf/layout.ts";
import { Places } from "../../../../src/capture/bpf/tables/places.ts";
import { ALL_SLOT } from "../../../../src/ledger/interface-ledger.ts";
import { Ledger } from "../../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../../src/ledger/ranges.ts";
import { ROW_CELLS } from "../../../../src/ledger/rows.ts";
import { parseRange } from "../../../../src/config/range-syntax.ts";
import { hex, IPV4, IPV4_FACTS, IPV6, MACS } from "../../../packet/frames.ts";
import { lacking } from "../../../support/requirements.ts";
import { racingFrames, REPEAT, ROUNDS } from "../racer.ts";
import { readElement, writeElement } from "../test-run.ts";
import { totalsOf, Twins, type TwinsOptions } from "../twins.ts";

const options = { skip: lacking("root") };
const MEBIBYTE = 2 ** 20;

function sizesOf(list: readonly string[], maxAddresses: number, siblings: number, cpus: number): TableSizes {
  const ranges = new RangeTable(list.map(parseRange));
  return tableSizes(ranges, new Places(ranges), maxAddresses, siblings, cpus, false);
}

function counterBytes({ slots, lanes }: TableSizes): number {
  return slots * lanes * SLOT_BYTES;
}

describe("the sizes of the tables", () => {
  const slash16 = ["10.1.0.0/16"];

  test("leave each CPU a lane of its own, if there is room for it", () => {
    for (const [cpus, lanes] of [
      [1, 1],
      [2, 2],
      [3, 4],
      [64, 64],
    ] as const) {
      const sizes = sizesOf(["10.0.0.0/24"], 1000, 1, cpus);
      assert.deepEqual([sizes.lanes, sizes.isAtomic], [lanes, false]);
    }
  });

  test("keep to 64 MiB of counters for a /16 on any machine, by lanes that are shared in locked steps", () => {
    for (const cpus of [1, 2, 8, 64, 1024]) {
      const sizes = sizesOf(slash16, 1_000_000, 1, cpus);
      assert.ok(counterBytes(sizes) <= 64 * MEBIBYTE, `${cpus} CPUs`);
      assert.equal(sizes.isAtomic, sizes.lanes < cpus);
    }
    assert.equal(sizesOf(slash16, 1_000_000, 1, 64).isAtomic, true);
  });

  test("share that memory among the interfaces", () => {
    assert.ok(counterBytes(sizesOf(["10.0.0.0/20"], 1_000_000, 8, 8)) <= 8 * MEBIBYTE);
  });

  test("lock all steps if the kernel may interrupt a program, or does not say how many CPUs it has", () => {
    const ranges = new RangeTable([]);
    assert.equal(tableSizes(ranges, new Places(ranges), 1, 1, 2, true).isAtomic, true);
    const unknown = tableSizes(ranges, new Places(ranges), 1, 1, Number.POSITIVE_INFINITY, false);
    assert.deepEqual([unknown.lanes, unknown.isAtomic], [1, true]);
  });

  test("give each of few addresses a row at once, and rows of many on first use", () => {
    assert.equal(sizesOf(["10.0.0.0/18"], 1000, 1, 2).hasPlaceMap, false);
    const many = sizesOf(["10.0.0.0/18", "192.0.2.1"], 1000, 1, 2);
    assert.equal(many.hasPlaceMap, true);
    assert.ok(many.rows >= many.firstRow + 1000 && many.rows < many.firstRow + 1200);
  });
});

const FRAME = hex(`${MACS} 0800 ${IPV4}`);
/** tx, UDP, in the list of protocols as the page has it. */
const TX_UDP = `IPv4 ${IPV4_FACTS.source.toString(16)}:0:0:0 of range 0, cell 4`;

describe("counters in the kernel", options, () => {
  test("are read exactly beyond 2^32 bytes, and go on from there", () => {
    using twins = new Twins([parseRange("10.1.2.0/24")]);
    twins.see(FRAME);
    const before = 2 ** 52 - 40;
    changeAll(twins, (slots) => slots.setBigUint64(ALL_SLOT * SLOT_BYTES + SLOT_BYTES - 8, BigInt(before), true));
    assert.equal(twins.counted().all.at(-1), before);
    twins.see(FRAME);
    assert.equal(twins.counted().all.at(-1), before + 20);
  });

  test("carry from the lower 32 bits to the upper", () => {
    using twins = new Twins([parseRange("10.1.2.0/24")]);
    twins.see(FRAME);
    changeAll(twins, (slots) => {
      for (let at = 0; at < SLOT_BYTES; at += 8) slots.setBigUint64(ALL_SLOT * SLOT_BYTES + at, 0xffff_ffffn, true);
    });
    twins.see(FRAME);
    assert.deepEqual(twins.counted().all, [2 ** 32, ...Array<number>(6).fill(2 ** 32 - 1), 2 ** 32 + 19]);
  });

  test("are added to the ledger once, however often it is brought up to date", () => {
    using twins = new Twins([parseRange("10.1.2.0/24")]);
    for (let seen = 1; seen <= 3; seen++) {
      twins.see(FRAME);
      twins.counted();
      assert.deepEqual(twins.counted().cells, new Map([[TX_UDP, [seen, 0, 0, 0, 0, 0, 0, seen * 20]]]));
    }
  });

  test("of an interface that comes back with other tables add up with those before", () => {
    const ranges = new RangeTable([]);
    const places = new Places(ranges);
    const ledger = new Ledger(ranges, 1).interface("eth0");
    const shared = new SharedTables(ranges);
    for (const total of [5, 10]) {
      const tables = new KernelTables(ranges, places, ledger, shared, tableSizes(ranges, places, 1, 1, 1, false));
      const lane = new DataView(new ArrayBuffer(tables.sizes.slots * SLOT_BYTES));
      for (const event of Object.values(EVENT)) lane.setBigUint64(EVENT_SLOT * SLOT_BYTES + event, 5n, true);
      writeElement(tables.fds.counters, 0, lane);
      tables.sync();
      tables.sync();
      assert.deepEqual([ledger.aggregatedPackets, ledger.exhaustedPackets], [total, total]);
      assert.deepEqual([...ledger.verdicts], [0, 0, total, total, 0]);
      tables.close();
    }
    shared.close();
  });
});

/** Changes the counters of the lane that has the only frame that was seen. */
function changeAll(twins: Twins, change: (slots: DataView) => void): void {
  const { lanes, slots } = twins.tables.sizes;
  const { counters } = twins.tables.fds;
  for (let lane = 0; lane < lanes; lane++) {
    const element = readElement(counters, lane, slots * SLOT_BYTES);
    if (element.getBigUint64(ALL_SLOT * SLOT_BYTES, true) === 0n) continue;
    change(element);
    writeElement(counters, lane, element);
    return;
  }
  assert.fail("no lane has the frame");
}

describe("when tables are full, what finds no room goes to the refused and is told", options, () => {
  const lists: Record<string, string[]> = {
    "rows of their own": ["10.1.0.0/19:a=1", "2001:db8::/64:b=2"],
    "rows on first use": ["10.0.0.0/8:a=1", "2001:db8::/64:b=2"],
  };
  for (const [name, list] of Object.entries(lists)) {
    for (const scarce of ["slots", "rows"] as const) {
      test(`${scarce}, with ${name}`, () => {
        const sizes = (chosen: TableSizes): TableSizes => ({ ...chosen, [scarce]: taken(chosen, scarce) + 3 });
        using twins = new Twins(list.map(parseRange), { sizes });
        for (let host = 0; host < 20; host++) {
          const byte = host.toString(16).padStart(2, "0");
          twins.see(hex(`${MACS} 0800 ${IPV4.replace("02 03", `02${byte}`)}`));
          twins.see(hex(`${MACS} 86dd ${IPV6.replace("00 01", `00${byte}`)}`));
        }
        const counted = twins.counted();
        const parsed = twins.parsed();
        assert.deepEqual(totalsOf(counted), totalsOf(parsed));
        assert.deepEqual(counted.all, parsed.all);
        const own = [...counted.cells.keys()].filter((cell) => !cell.startsWith("other"));
        // Each address has sent alone: what is not in its own series was told.
        assert.equal(counted.exhaustedPackets, 40 - own.length);
        assert.equal(own.length, scarce === "rows" && name === "rows of their own" ? 23 : 3);
      });
    }
  }
});

/** Slots or rows that are taken before the first frame comes: those of the refused, and of the listed addresses. */
function taken({ firstRow, hasPlaceMap }: TableSizes, scarce: "slots" | "rows"): number {
  if (scarce === "slots") return FIRST_FREE_SLOT + (firstRow - 1) * ROW_CELLS;
  return firstRow + (hasPlaceMap ? 0 : 2 ** 13);
}

/** Shows the frames to the program from two CPUs at the same time. */
async function race(programFd: number): Promise<void> {
  const racers = [0, 1].map((cpu) =>
    spawn("taskset", ["-c", `${cpu}`, process.execPath, join(import.meta.dirname, "../racer.ts")], {
      stdio: ["pipe", "pipe", "inherit", programFd],
    }),
  );
  await Promise.all(racers.map((racer) => once(racer.stdout!, "data")));
  for (const racer of racers) racer.stdin!.write("go");
  for (const code of await Promise.all(racers.map(endOf))) assert.equal(code, 0);
}

async function endOf(racer: ChildProcess): Promise<number | null> {
  const [code] = await once(racer, "close");
  return code;
}

describe("two CPUs that count at once lose nothing", { skip: lacking("root", "taskset") || hasOneCpu() }, () => {
  const own = ["10.1.0.0/20:a=1", "2001:db8::/64:b=2"];
  const ofMany = ["10.1.0.0/19:a=1", "2001:db8::/64:b=2"];
  const onFirstUse = ["10.0.0.0/8:a=1", "2001:db8::/64:b=2"];
  const oneLane = (chosen: TableSizes): TableSizes => ({ ...chosen, lanes: 1, isAtomic: true });
  const cases: [what: string, ranges: string[], TwinsOptions][] = [
    ["in a lane each", own, {}],
    ["in one lane, in locked steps", own, { sizes: oneLane }],
    ["in a lane of several elements each", own, { sizes: (chosen) => ({ ...chosen, slots: 2 * CHUNK_SLOTS }) }],
    ["in slots on first use", ofMany, {}],
    ["in slots on first use, of one lane", ofMany, { sizes: oneLane }],
    ["in rows on first use", onFirstUse, {}],
    ["in rows on first use, of one lane", onFirstUse, { sizes: oneLane }],
  ];
  for (const [what, list, twinsOptions] of cases) {
    test(what, async () => {
      using twins = new Twins(list.map(parseRange), twinsOptions);
      await race(twins.programFd);
      const times = 2 * ROUNDS * REPEAT;
      for (const frame of racingFrames()) for (let k = 0; k < times; k++) twins.parse(frame);
      assert.deepEqual(twins.counted(), twins.parsed());
    });
  }

  test("beyond the limit of addresses", async () => {
    using twins = new Twins(onFirstUse.map(parseRange), { maxAddresses: 300 });
    await race(twins.programFd);
    const times = 2 * ROUNDS * REPEAT;
    for (const frame of racingFrames()) for (let k = 0; k < times; k++) twins.parse(frame);
    const [counted, parsed] = [twins.counted(), twins.parsed()];
    assert.deepEqual(totalsOf(counted), totalsOf(parsed));
    assert.equal(counted.addresses, 300);
    assert.equal(counted.exhaustedPackets, 0);
  });
});

function hasOneCpu(): string | false {
  return availableParallelism() < 2 && "needs two CPUs";
}
