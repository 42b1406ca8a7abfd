import assert from "node:assert/strict";
import { test } from "node:test";
import { RowLabels } from "../../src/collectors/row-labels.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { parseRange } from "../../src/config/range-syntax.ts";
import { packetOf } from "../ledger/model.ts";

const IPV6 = 0x20010db8n << 96n;

function ledgerOf(limit: number, ...texts: string[]): Ledger {
  return new Ledger(new RangeTable(texts.map(parseRange)), limit);
}

function see(ledger: Ledger, name: string, version: 4 | 6, ...sources: bigint[]): void {
  for (const source of sources) {
    const packet = { version, source, destination: 0n, protocol: 6, lengthBytes: 40 };
    ledger.interface(name).record(packetOf(packet));
  }
}

/** The labels of all rows, asked for in this order. */
function labelsOf(ledger: Ledger, name: string, order: (rows: number) => number[]): string[] {
  const own = ledger.interface(name);
  const labels = new RowLabels(own);
  const texts: string[] = [];
  for (const row of order(own.rows.count)) {
    labels.version(row);
    texts[row] = Buffer.from(labels.bytes.subarray(labels.start(row), labels.end(row))).toString();
  }
  return texts;
}

const ascending = (rows: number) => [...Array(rows).keys()];

test("labels are the interface, those of the range as given, and the address", () => {
  const ranges = ["10.0.0.1:zone=z:customer=acme", "10.1.0.0/16/24:a=1", "2001:db8::/48/64", "2001:db8:1::/48"];
  const ledger = ledgerOf(100, ...ranges);
  see(ledger, "eth0", 4, 0x0a000001n, 0x0a010203n);
  see(ledger, "eth0", 6, IPV6 | 0xffffn, IPV6 | (1n << 80n) | 1n);
  assert.deepEqual(labelsOf(ledger, "eth0", ascending), [
    'interface="eth0",zone="z",customer="acme",ip="10.0.0.1"',
    'interface="eth0",a="1",ip="10.1.2.0/24"',
    'interface="eth0",ip="2001:db8::/64"',
    'interface="eth0",ip="2001:db8:1::1"',
  ]);
});

test("what was refused is `other`, with the labels of its range", () => {
  const ledger = ledgerOf(0, "10.0.0.0/8/24:customer=acme", "2001:db8::/32");
  see(ledger, "eth0", 4, 0x0a000001n);
  see(ledger, "eth0", 6, IPV6);
  assert.deepEqual(labelsOf(ledger, "eth0", ascending), [
    'interface="eth0",customer="acme",ip="other"',
    'interface="eth0",ip="other"',
  ]);
});

test("values are escaped", () => {
  const ledger = ledgerOf(100, '10.0.0.1:a=\\"\n€');
  see(ledger, 'we"ird', 4, 0x0a000001n);
  assert.deepEqual(labelsOf(ledger, 'we"ird', ascending), ['interface="we\\"ird",a="\\\\\\"\\n€",ip="10.0.0.1"']);
});

test("thousands of rows keep their labels, whatever row is asked for first", () => {
  const ledger = ledgerOf(100_000, "10.0.0.0/16:customer=acme");
  const hosts = Array.from({ length: 5000 }, (_, host) => host);
  see(ledger, "eth0", 4, ...hosts.map((host) => 0x0a000000n + BigInt(host)));
  const expected = hosts.map((host) => `interface="eth0",customer="acme",ip="10.0.${host >> 8}.${host & 0xff}"`);
  assert.deepEqual(labelsOf(ledger, "eth0", ascending), expected);
  assert.deepEqual(
    labelsOf(ledger, "eth0", (rows) => ascending(rows).toReversed()),
    expected,
  );
});

test("labels longer than all the memory set aside at first are kept", () => {
  const value = "x".repeat(100_000);
  const ledger = ledgerOf(100, `10.0.0.0/24:a=${value}`);
  see(ledger, "eth0", 4, 0x0a000001n, 0x0a000002n);
  assert.deepEqual(
    labelsOf(ledger, "eth0", ascending),
    [1, 2].map((host) => `interface="eth0",a="${value}",ip="10.0.0.${host}"`),
  );
});

test("rows that are added later get their labels then", () => {
  const ledger = ledgerOf(100, "10.0.0.0/24");
  const labels = new RowLabels(ledger.interface("eth0"));
  for (const host of [1, 2]) {
    see(ledger, "eth0", 4, 0x0a000000n + BigInt(host));
    assert.equal(labels.version(host - 1), 4);
    const text = Buffer.from(labels.bytes.subarray(labels.start(host - 1), labels.end(host - 1)));
    assert.equal(text.toString(), `interface="eth0",ip="10.0.0.${host}"`);
  }
});

test("a row that is given to another address has the labels of that", () => {
  const ledger = ledgerOf(2, "10.0.0.0/24:a=1", "10.0.1.0/24:b=2");
  const labels = new RowLabels(ledger.interface("eth0"));
  const textOf = (row: number): string => {
    labels.version(row);
    return Buffer.from(labels.bytes.subarray(labels.start(row), labels.end(row))).toString();
  };
  see(ledger, "eth0", 4, 0x0a000001n, 0x0a000002n);
  assert.deepEqual([0, 1].map(textOf), [
    'interface="eth0",a="1",ip="10.0.0.1"',
    'interface="eth0",a="1",ip="10.0.0.2"',
  ]);
  for (const _ of [...ledger.look(), ...ledger.look()]);
  see(ledger, "eth0", 4, 0x0a000102n);
  assert.deepEqual([0, 1, 2].map(textOf), [
    'interface="eth0",b="2",ip="10.0.1.2"',
    'interface="eth0",a="1",ip="10.0.0.2"',
    'interface="eth0",a="1",ip="other"',
  ]);
});
