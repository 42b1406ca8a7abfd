import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, test } from "node:test";
import { KernelTables } from "../../../src/capture/bpf/tables/kernel-tables.ts";
import { SharedTables } from "../../../src/capture/bpf/tables/shared-tables.ts";
import { rowDispenser, slotDispenser, tableSizes } from "../../../src/capture/bpf/tables/table-sizes.ts";
import { Places } from "../../../src/capture/bpf/tables/places.ts";
import { Hook, loadProgram } from "../../../src/capture/bpf/program/program.ts";
import { KernelVlans } from "../../../src/capture/bpf/vlans/kernel-vlans.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { SLOT_DOUBLES } from "../../../src/ledger/histogram.ts";
import { ALL_SLOT, type InterfaceLedger } from "../../../src/ledger/interface-ledger.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import * as libc from "../../../src/native/libc.ts";
import { PROTOCOL_COLUMNS } from "../../../src/packet/protocols.ts";
import { lacking } from "../../support/requirements.ts";
import { runInLockStep } from "./lock-step.ts";

const LIMIT = 100_000;
const skip = lacking("root") || (availableParallelism() < 2 && "needs two CPUs");

/** VLANs that two CPUs can lose a number for each. */
const VLANS = { limit: 8000, known: [] };

/** What a program counts into, as an interface of two CPUs has it. */
function open(
  range: string,
  vlans?: KernelVlans,
): {
  tables: KernelTables;
  shared: SharedTables;
  ledger: InterfaceLedger;
  programFd: number;
} {
  const ranges = new RangeTable([range, "2001:db8::/64:b=2"].map(parseRange));
  const places = new Places(ranges);
  const shared = new SharedTables(ranges);
  const maxVlans = vlans === undefined ? undefined : VLANS.limit;
  const ledger = new Ledger(ranges, LIMIT, [], { maxVlans }).interface("eth0");
  const sizes = tableSizes(ranges, places, LIMIT, 1, 2, false, vlans?.count);
  const tables = new KernelTables(ranges, places, ledger, shared, sizes, { vlans });
  const counted = { wireSizes: false, opensTunnels: false, zones: [], vlans };
  const options = { isEthernet: true, ignoreOutgoing: false, ...counted };
  const programFd = loadProgram({ hook: Hook.SOCKET, ...options }, ranges, places, tables);
  return { tables, shared, ledger, programFd };
}

function packets({ slots }: InterfaceLedger, slot: number): number {
  const at = slot * SLOT_DOUBLES;
  return slots.counters.subarray(at, at + SLOT_DOUBLES - 1).reduce((sum, count) => sum + count);
}

function sentPackets(ledger: InterfaceLedger): number {
  let sent = 0;
  for (let row = 0; row < ledger.rows.count; row++) {
    for (let column = 0; column < PROTOCOL_COLUMNS; column++) {
      const slot = ledger.rows.slotOf(row, column);
      if (slot > 0) sent += packets(ledger, slot);
    }
  }
  return sent;
}

describe("two CPUs that see an address, or a VLAN, for the first time at once", { skip, timeout: 240_000 }, () => {
  const cases = [
    ["row", 4, "10.0.0.0/8:a=1", rowDispenser],
    ["row", 6, "10.0.0.0/8:a=1", rowDispenser],
    ["slot", 4, "10.1.0.0/19:a=1", slotDispenser],
  ] as const;
  for (const [what, version, range, place] of cases) {
    test(`lose none of its IPv${version} packets when one ${what} is left`, async () => {
      const { tables, shared, ledger, programFd } = open(range);
      const { offset } = place(tables.sizes);
      await runInLockStep({ programFd, fresh: version, scarce: { stateFd: tables.fds.state, offset } });
      tables.sync();
      assert.equal(sentPackets(ledger), packets(ledger, ALL_SLOT));
      assert.ok(ledger.exhaustedPackets > 0);
      tables.close();
      libc.close(programFd);
      shared.close();
    });
  }

  test("count each of its VLANs once", async () => {
    const vlans = new KernelVlans(VLANS);
    const { tables, shared, ledger, programFd } = open("10.0.0.0/8:a=1", vlans);
    await runInLockStep({ programFd, fresh: "vlan" });
    tables.sync();
    const parts = ledger.parts();
    assert.ok(parts.length > 1000);
    const counts = new Set(parts.map((part) => `${packets(part, ALL_SLOT)} ${sentPackets(part)}`));
    assert.equal(counts.size, 1);
    tables.close();
    vlans.close();
    libc.close(programFd);
    shared.close();
  });
});
