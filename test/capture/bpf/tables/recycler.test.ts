import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Hook, loadProgram } from "../../../../src/capture/bpf/program/program.ts";
import { queueLength } from "../../../../src/capture/bpf/tables/dispenser.ts";
import { KernelTables } from "../../../../src/capture/bpf/tables/kernel-tables.ts";
import { Places } from "../../../../src/capture/bpf/tables/places.ts";
import { SharedTables } from "../../../../src/capture/bpf/tables/shared-tables.ts";
import { tableSizes, type TableSizes } from "../../../../src/capture/bpf/tables/table-sizes.ts";
import { KernelVlans } from "../../../../src/capture/bpf/vlans/kernel-vlans.ts";
import { parseRange } from "../../../../src/config/range-syntax.ts";
import { BUCKETS, SLOT_DOUBLES, SUM } from "../../../../src/ledger/histogram.ts";
import { ALL_SLOT, type InterfaceLedger } from "../../../../src/ledger/interface-ledger.ts";
import { Ledger } from "../../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../../src/ledger/ranges.ts";
import * as libc from "../../../../src/native/libc.ts";
import { PROTOCOL_COLUMNS } from "../../../../src/packet/protocols.ts";
import { lacking } from "../../../support/requirements.ts";
import { type By, bytesOf, Churn, HOSTS, SHOWN } from "../churn.ts";

const NO_LIMIT = 100_000;
/** More than is between two looks. */
const LONG_MS = 10_000;
const ROOM = 300;

/** A program, and tables for it that have room for few. */
class Site implements Disposable {
  readonly ledgers: Ledger;
  readonly ledger: InterfaceLedger;
  readonly tables: KernelTables;
  readonly programFd: number;
  readonly #vlans: KernelVlans | undefined;
  readonly #shared: SharedTables;
  #nowMs = 0;

  constructor(range: string, scarce: (sizes: TableSizes) => Partial<TableSizes>, limit = NO_LIMIT, maxVlans?: number) {
    const ranges = new RangeTable([parseRange(range)]);
    const places = new Places(ranges);
    this.#vlans = maxVlans === undefined ? undefined : new KernelVlans({ limit: maxVlans, known: [] });
    const chosen = tableSizes(ranges, places, NO_LIMIT, 1, 2, false, this.#vlans?.count);
    const sizes = { ...chosen, ...scarce(chosen) };
    this.#shared = new SharedTables(ranges);
    this.ledgers = new Ledger(ranges, limit, [], { maxVlans });
    this.ledger = this.ledgers.interface("eth0");
    this.tables = new KernelTables(ranges, places, this.ledger, this.#shared, sizes, {
      now: () => this.#nowMs,
      vlans: this.#vlans,
    });
    const program = {
      hook: Hook.SOCKET,
      isEthernet: true,
      ignoreOutgoing: false,
      wireSizes: false,
      opensTunnels: false,
      zones: [],
      vlans: this.#vlans,
    };
    this.programFd = loadProgram(program, ranges, places, this.tables);
  }

  /** Brings the ledger up to date, after a long time. */
  sync(): void {
    this.#nowMs += LONG_MS;
    this.tables.sync();
  }

  /** Packets, and bytes, of all addresses, or VLANs: host → both; undefined → those of `other`. */
  sent(by: By): Map<number | undefined, [packets: number, bytes: number]> {
    const sent = new Map<number | undefined, [number, number]>();
    for (const part of this.ledger.parts()) {
      const { rows } = part;
      for (let row = 0; row < rows.count; row++) {
        if (!rows.isUsed(row)) continue;
        const address = rows.addressWord(row, by === 6 ? 3 : 0) & 0xffff;
        const host = rows.isOther(row) ? undefined : by === "vlan" ? part.vlan : address;
        const [packets, bytes] = sent.get(host) ?? [0, 0];
        const [more, moreBytes] = sentBy(part, row);
        sent.set(host, [packets + more, bytes + moreBytes]);
      }
    }
    return sent;
  }

  /** Packets of all. */
  get seen(): number {
    return this.ledger.parts().reduce((sum, { slots }) => sum + packetsAt(slots.counters, ALL_SLOT), 0);
  }

  [Symbol.dispose](): void {
    libc.close(this.programFd);
    this.tables.close();
    this.#vlans?.close();
    this.#shared.close();
  }
}

function sentBy({ rows, slots }: InterfaceLedger, row: number): [packets: number, bytes: number] {
  const total: [number, number] = [0, 0];
  for (let cell = 0; cell < PROTOCOL_COLUMNS; cell++) {
    const slot = rows.slotOf(row, cell);
    if (slot === 0) continue;
    total[0] += packetsAt(slots.counters, slot);
    total[1] += slots.counters[slot * SLOT_DOUBLES + SUM]!;
  }
  return total;
}

function packetsAt(counters: Float64Array, slot: number): number {
  const at = slot * SLOT_DOUBLES;
  return counters.subarray(at, at + BUCKETS).reduce((sum, count) => sum + count, 0);
}

const fewRows = ({ firstDynamicRow }: TableSizes): Partial<TableSizes> => ({
  rows: firstDynamicRow + ROOM,
  rowQueue: queueLength(ROOM),
});
const fewSlots = ({ firstDynamicSlot }: TableSizes): Partial<TableSizes> => ({
  slots: firstDynamicSlot + ROOM,
  slotQueue: queueLength(ROOM),
});
const CASES: [what: string, by: By, range: string, scarce: (sizes: TableSizes) => Partial<TableSizes>][] = [
  ["rows of IPv4 addresses", 4, "10.0.0.0/8", fewRows],
  ["rows of IPv6 addresses", 6, "2001:db8::/64", fewRows],
  ["rows of an address in VLANs", "vlan", "10.0.0.0/8", fewRows],
  ["slots of addresses that have a row each", 4, "10.1.0.0/19", fewSlots],
  [
    "rows and slots of one lane",
    4,
    "10.0.0.0/8",
    (sizes) => ({ ...fewRows(sizes), ...fewSlots(sizes), lanes: 1, isAtomic: true }),
  ],
];
const skip = lacking("root") || (availableParallelism() < 2 && "needs two CPUs");

describe("while two CPUs count, and what is silent is taken back all the time", { skip }, () => {
  for (const [what, by, range, scarce] of CASES) {
    test(`no packet is lost, or counted twice or for another: ${what}`, { timeout: 120_000 }, async () => {
      using site = new Site(range, scarce, NO_LIMIT, by === "vlan" ? HOSTS : undefined);
      const churn = new Churn(site.programFd, by);
      while (churn.isRunning) {
        site.sync();
        await nextTurn();
      }
      site.sync();
      assert.equal(site.seen, 2 * SHOWN);
      const sent = site.sent(by);
      assert.equal(
        [...sent.values()].reduce((sum, [packets]) => sum + packets, 0),
        2 * SHOWN,
      );
      for (const [host, [packets, bytes]] of sent) {
        if (host !== undefined) assert.equal(bytes, packets * bytesOf(by, host), `host ${host}`);
      }
      assert.ok(sent.size > ROOM + 100, `only ${sent.size} of ${HOSTS} addresses were given one of ${ROOM}`);
    });
  }

  test("nor if the ledger gives series away as well", { timeout: 120_000 }, async () => {
    using site = new Site("10.0.0.0/8", fewRows, 200);
    const churn = new Churn(site.programFd, 4);
    while (churn.isRunning) {
      site.sync();
      for (const _ of site.ledgers.look());
      await nextTurn();
    }
    site.sync();
    const sent = site.sent(4);
    assert.equal(
      [...sent.values()].reduce((sum, [packets]) => sum + packets, 0),
      2 * SHOWN,
    );
    for (const [host, [packets, bytes]] of sent) {
      if (host !== undefined) assert.equal(bytes, packets * bytesOf(4, host), `host ${host}`);
    }
    assert.equal(site.ledgers.addresses.used, 200);
    assert.ok(site.ledger.addresses.evicted > 200, `${site.ledger.addresses.evicted} evictions`);
  });
});
