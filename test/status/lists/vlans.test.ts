import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { InterfaceMeter } from "../../../src/status/interface-meter.ts";
import { TopList } from "../../../src/status/lists/top-list.ts";
import { AddressList } from "../../../src/status/lists/traffic-lists.ts";
import { packetOf } from "../../ledger/model.ts";

test("an interface has the traffic of its VLANs, and an address is told for each", async () => {
  const ledger = new Ledger(new RangeTable([parseRange("10.0.0.0/8")]), 100, [], { maxVlans: 10 });
  const meter = new InterfaceMeter(ledger);
  meter.read(0);
  const send = (vlan: number, lengthBytes: number): void => {
    const packet = packetOf({ version: 4, source: 0x0a000001n, destination: 0xc0000201n, protocol: 17, lengthBytes });
    packet.vlan = vlan;
    ledger.interface("eth0").sink.record(packet);
  };
  send(0, 0);
  meter.read(1000);
  send(0, 100);
  send(7, 200);
  send((100 << 12) | 7, 400);
  meter.read(2000);
  assert.deepEqual(meter.rateOf("eth0").bytes, 700);
  assert.deepEqual(meter.rateOf("eth0").packets, 3);
  const list = new TopList(new AddressList(ledger, (_, row) => `row ${row}`));
  await list.look();
  assert.deepEqual(
    list.top.bySum.map(({ where, sum }) => [where, sum]),
    [
      ["eth0, VLAN 100.7", 400],
      ["eth0, VLAN 7", 200],
      ["eth0", 100],
    ],
  );
});
