import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { InterfaceMeter } from "../../src/status/interface-meter.ts";

test("rates are those since the reading before, and none if that was long ago", () => {
  const ledger = new Ledger(new RangeTable([]), 1);
  ledger.interface("eth0");
  const meter = new InterfaceMeter(ledger);
  const readAt = (seconds: number) => {
    meter.read(1000 * seconds);
    return [meter.rateOf("eth0").bytes, meter.hasRates];
  };
  assert.deepEqual([5, 6, 66, 127, 128].map(readAt), [
    [undefined, false],
    [0, true],
    [0, true],
    [undefined, false],
    [0, true],
  ]);
});
