import assert from "node:assert/strict";
import { test } from "node:test";
import { Accounting } from "../../../src/collectors/produce/accounting.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";

test("of several that write one does, and the next goes on from what it took", () => {
  const ledger = new Ledger(new RangeTable([]), 1000);
  const accounting = new Accounting();
  const begun = accounting.begin(ledger);
  const first = accounting.takeTurn();
  const second = accounting.takeTurn();
  const third = accounting.takeTurn();
  assert.deepEqual([first.isMine, second.isMine, third.isMine], [true, false, false]);
  assert.equal(first.differencesOf(ledger), begun);
  second[Symbol.dispose]();
  assert.deepEqual([first.isMine, third.isMine], [true, false]);
  first[Symbol.dispose]();
  assert.equal(third.isMine, true);
  assert.equal(third.differencesOf(ledger), begun);
});

test("what is counted while nobody writes is not for who writes then", () => {
  const ledger = new Ledger(new RangeTable([]), 1000);
  const accounting = new Accounting();
  const begun = accounting.begin(ledger);
  accounting.takeTurn()[Symbol.dispose]();
  assert.notEqual(accounting.takeTurn().differencesOf(ledger), begun);
});

test("flows that have ended are kept for who writes, and for nobody else", () => {
  const ended = { droppedPackets: 0, hasEnded: true, watch() {}, *batches() {} };
  const next = { ...ended, hasEnded: false };
  for (const isWritten of [false, true]) {
    const accounting = new Accounting();
    if (isWritten) accounting.takeTurn();
    accounting.add(ended);
    accounting.add(next);
    assert.deepEqual(accounting.received(), isWritten ? [ended, next] : [next]);
  }
});
