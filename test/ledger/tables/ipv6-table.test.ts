import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { SLOT_DOUBLES } from "../../../src/ledger/histogram.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { ROW_CELLS, Rows, RX_CELLS } from "../../../src/ledger/rows.ts";
import { UNLISTED, UNSEEN } from "../../../src/ledger/tables/ipv4-memory.ts";
import { Ipv6Table, selectorOf } from "../../../src/ledger/tables/ipv6-table.ts";
import { parseAddress } from "../../../src/packet/address.ts";
import { PROTOCOL_LABELS } from "../../../src/packet/protocols.ts";
import { ipv6Words } from "../model.ts";

const UDP = PROTOCOL_LABELS.indexOf("udp");
const GRE = PROTOCOL_LABELS.indexOf("gre");
/** Most addresses without a range that are remembered from page to page, as the table has it. */
const MAX_OUTSIDE = 256;

function words(text: string): [number, number, number, number] {
  return ipv6Words(parseAddress(text)!.value);
}

/** A table and its rows, whose slots are the numbers of their row and cell. */
class Site {
  readonly rows = new Rows();
  readonly table: Ipv6Table;

  constructor(...ranges: string[]) {
    this.table = new Ipv6Table(new RangeTable(ranges.map(parseRange)), this.rows);
  }

  row(...cells: number[]): number {
    const row = this.rows.add(0, false, 0, 0, 0, 0);
    for (const cell of cells) this.rows.setSlot(row, cell, slotOf(row, cell));
    return row;
  }

  find(address: string, cell = UDP): number {
    return this.table.find(...words(address), selectorOf(cell));
  }
}

function slotOf(row: number, cell: number): number {
  return 1 + row * ROW_CELLS + cell;
}

function countersOf(row: number, cell: number): number {
  return slotOf(row, cell) * SLOT_DOUBLES;
}

test("an address that begins like none of a range is unlisted, others until they are seen are not known", () => {
  const site = new Site("2001:db8::/64", "2a00::/16", "fd00:0:0:1::1", "::/48");
  const expectations: [address: string, found: number][] = [
    ["2001:db7:ffff::", UNLISTED],
    ["2001:db8::", UNSEEN],
    ["2001:db8:ffff::", UNSEEN],
    ["2001:db9::", UNLISTED],
    ["29ff:ffff::", UNLISTED],
    ["2a00::", UNSEEN],
    ["2a00:1234::", UNSEEN],
    ["2a00:ffff:ffff::", UNSEEN],
    ["2a01::", UNLISTED],
    ["fcff::", UNLISTED],
    ["fd00::", UNSEEN],
    ["fd00:1::", UNLISTED],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", UNLISTED],
    ["::", UNSEEN],
    ["0:1::", UNLISTED],
  ];
  for (const [address, found] of expectations) assert.equal(site.find(address), found, address);
  assert.equal(new Site().find("::"), UNLISTED);
});

test("an address has the counters of its row, in every cell that has any, as soon as it has", () => {
  const site = new Site("2001:db8::/64");
  const all = Array.from({ length: ROW_CELLS }, (_, cell) => cell);
  const row = site.row(...all.filter((cell) => cell % 3 === 0));
  site.table.set(...words("2001:db8::1"), row);
  for (const again of [1, 2]) {
    for (const cell of all) {
      const expected = cell % 3 === 0 ? countersOf(row, cell) : UNSEEN;
      assert.equal(site.find("2001:db8::1", cell), expected, `cell ${cell}, time ${again}`);
    }
  }
  site.rows.setSlot(row, 1, slotOf(row, 1));
  site.table.set(...words("2001:db8::1"), row);
  assert.equal(site.find("2001:db8::1", 1), countersOf(row, 1));
});

test("what has a place in an entry is looked up in the row once, until the entry goes", () => {
  const site = new Site("2001:db8::/32");
  let lookedUp = 0;
  const { rows } = site;
  const slotIn = rows.slotOf.bind(rows);
  rows.slotOf = (row, cell) => {
    lookedUp++;
    return slotIn(row, cell);
  };
  const cells = ["tcp", "udp", "icmpv6", ""].flatMap((label) => {
    const column = PROTOCOL_LABELS.indexOf(label as (typeof PROTOCOL_LABELS)[number]);
    return [column, column + RX_CELLS];
  });
  const hosts = Array.from({ length: 300 }, (_, k) => `2001:db8::${(k + 1).toString(16)}`);
  for (const host of hosts) {
    // The table is made again and again meanwhile, and keeps what is known.
    site.table.set(...words(host), site.row(...cells));
    for (const cell of cells) site.find(host, cell);
  }
  assert.equal(lookedUp, hosts.length * cells.length);
  for (const host of hosts) for (const cell of cells) assert.notEqual(site.find(host, cell), UNSEEN);
  site.table.setUnlisted(...words("2001:db9::1"));
  for (const cell of cells) assert.equal(site.find("2001:db9::1", cell), UNLISTED);
  assert.equal(lookedUp, hosts.length * cells.length);
});

test("what is forgotten with its row is not known any more, and may have another row", () => {
  const site = new Site("2001:db8::/32/64");
  const [network, other] = [site.row(...Array(ROW_CELLS).keys()), site.row(UDP)];
  const hosts = Array.from({ length: 500 }, (_, k) => `2001:db8::${(k + 1).toString(16)}`);
  for (const host of hosts) site.table.set(...words(host), network);
  site.table.set(...words("2001:db8:1::1"), other);
  for (const host of hosts) {
    for (let cell = 0; cell < ROW_CELLS; cell++) assert.equal(site.find(host, cell), countersOf(network, cell), host);
  }
  site.table.forget(network);
  site.rows.remove(network);
  for (const host of hosts) {
    for (let cell = 0; cell < ROW_CELLS; cell++) assert.equal(site.find(host, cell), UNSEEN, `${host}, cell ${cell}`);
  }
  assert.equal(site.find("2001:db8:1::1"), countersOf(other, UDP));
  site.table.set(...words(hosts[7]!), other);
  assert.equal(site.find(hosts[7]!), countersOf(other, UDP));
  site.table.forget(network);
  assert.equal(site.find(hosts[7]!), countersOf(other, UDP));
});

test("an address without a range is remembered while there is room, in every cell; a page makes room again", () => {
  const site = new Site("2001:db8::/64");
  const stranger = (k: number): string => `2001:db8:1::${k.toString(16)}`;
  assert.equal(site.find(stranger(0)), UNSEEN);
  for (let k = 0; k < MAX_OUTSIDE - 1; k++) site.table.setUnlisted(...words(stranger(k)));
  assert.deepEqual([site.find(stranger(0)), site.find(stranger(0), GRE)], [UNLISTED, UNLISTED]);
  assert.equal(site.find(stranger(MAX_OUTSIDE)), UNSEEN);
  // With room left, a page forgets nothing.
  site.table.refresh();
  assert.equal(site.find(stranger(0)), UNLISTED);
  site.table.setUnlisted(...words(stranger(MAX_OUTSIDE - 1)));
  // What finds no room is looked up in the ranges.
  assert.deepEqual([site.find(stranger(MAX_OUTSIDE)), site.find("2001:db8::1")], [UNLISTED, UNSEEN]);
  site.table.refresh();
  for (const k of [0, MAX_OUTSIDE]) {
    assert.deepEqual([site.find(stranger(k)), site.find(stranger(k), GRE)], [UNSEEN, UNSEEN]);
  }
  site.table.setUnlisted(...words(stranger(MAX_OUTSIDE)));
  assert.equal(site.find(stranger(MAX_OUTSIDE)), UNLISTED);
});

test("addresses that have a row each are known for good, whatever comes from outside and goes", () => {
  for (const count of [1500, 2047, 4095, 8100]) {
    const site = new Site("2001:db8::/112");
    const hosts = Array.from({ length: count }, (_, k) => `2001:db8::${k.toString(16)}`);
    const rows = hosts.map((host) => {
      const row = site.row(UDP);
      site.table.set(...words(host), row);
      return row;
    });
    for (let page = 0; page < 20; page++) {
      for (let k = 0; k <= MAX_OUTSIDE; k++) site.table.setUnlisted(...words(`2001:db8:${page}:1::${k.toString(16)}`));
      site.table.refresh();
      const unknown = hosts.filter((host, k) => site.find(host) !== countersOf(rows[k]!, UDP));
      assert.deepEqual(unknown, [], `${count} hosts, page ${page}`);
    }
  }
});

test("a network of any size makes no table of any size, and leaves that of others right", () => {
  const site = new Site("2001:db8::/32/64");
  const [network, other] = [site.row(UDP, UDP + RX_CELLS), site.row(UDP)];
  const inNetwork = (k: number): string => `2001:db8::${k.toString(16)}`;
  const inOther = (k: number): string => `2001:db8:0:1::${k.toString(16)}`;
  const stranger = (k: number): string => `2001:db8:8000::${k.toString(16)}`;
  for (let k = 0; k < MAX_OUTSIDE; k++) site.table.setUnlisted(...words(stranger(k)));
  const single = (k: number): string => `2001:db8:1:${k.toString(16)}::1`;
  const singles = Array.from({ length: 1000 }, () => site.row(UDP));
  for (const [k, row] of singles.entries()) site.table.set(...words(single(k)), row);
  let known = 0;
  for (let k = 0; k < 20_000; k++) {
    site.table.set(...words(inNetwork(k)), network);
    if (site.find(inNetwork(0)) !== UNSEEN) known++;
  }
  // It was emptied again and again, each time it had 2048.
  assert.equal(known, 2048 - MAX_OUTSIDE - singles.length);
  assert.deepEqual([site.find(inNetwork(0)), site.find(single(0)), site.find(stranger(0))], [UNSEEN, UNSEEN, UNSEEN]);
  // Twice, because it may be emptied once more.
  for (let k = 0; k < 2000; k++) site.table.set(...words(inOther(k % 1000)), other);
  site.table.refresh();
  for (const row of singles) site.table.forget(row);
  site.table.forget(network);
  site.table.refresh();
  for (let k = 0; k < 1000; k++) assert.equal(site.find(inOther(k)), countersOf(other, UDP), inOther(k));
  for (let k = 0; k < 20_000; k++) assert.equal(site.find(inNetwork(k)), UNSEEN, inNetwork(k));
  site.table.forget(other);
  for (let k = 0; k < 1000; k++) assert.equal(site.find(inOther(k)), UNSEEN, inOther(k));
});

/** Cells of rows, in both directions, with a place in an entry and without one; and one that no row has. */
const CELLS = [UDP, UDP + RX_CELLS, GRE, GRE + RX_CELLS];
const WITHOUT_SLOT = PROTOCOL_LABELS.indexOf("tcp") + RX_CELLS;

/** What is done with a host of a network. */
const deeds = fc.record({
  deed: fc.constantFrom("set", "set", "set", "unlisted", "forget", "refresh"),
  network: fc.nat(6),
  host: fc.nat(400),
});

/** What a map would tell of hosts that share a row with their network. */
class Model {
  readonly site = new Site("2001:db8::/33/64");
  readonly #rows = new Map<number, number>();
  readonly #hosts = new Map<string, number>();

  set(network: number, host: string): void {
    const row = this.#rows.get(network) ?? this.site.row(...CELLS);
    this.#rows.set(network, row);
    this.#hosts.set(host, row);
    this.site.table.set(...words(host), row);
  }

  forget(network: number): void {
    const row = this.#rows.get(network);
    if (row === undefined) return;
    this.#rows.delete(network);
    this.site.table.forget(row);
    this.site.rows.remove(row);
    for (const [host, its] of this.#hosts) if (its === row) this.#hosts.delete(host);
  }

  check(host: string): void {
    const row = this.#hosts.get(host);
    for (const cell of CELLS) {
      assert.equal(
        this.site.find(host, cell),
        row === undefined ? UNSEEN : countersOf(row, cell),
        `${host}, cell ${cell}`,
      );
    }
    assert.equal(this.site.find(host, WITHOUT_SLOT), UNSEEN, host);
  }

  checkAll(): void {
    for (const host of this.#hosts.keys()) this.check(host);
  }
}

test("tells what a map tells, whatever is set and forgotten", () => {
  fc.assert(
    fc.property(fc.array(deeds, { minLength: 1000, maxLength: 3000, size: "max" }), (all) => {
      const model = new Model();
      const { table } = model.site;
      for (const { deed, network, host } of all) {
        const inside = `2001:db8:0:${network}::${host.toString(16)}`;
        const outside = `2001:db8:8000:${network}::${host.toString(16)}`;
        if (deed === "set") model.set(network, inside);
        else if (deed === "forget") model.forget(network);
        else if (deed === "refresh") table.refresh();
        else if (model.site.find(outside) === UNSEEN) table.setUnlisted(...words(outside));
        model.check(inside);
        for (const cell of [...CELLS, WITHOUT_SLOT]) {
          assert.ok([UNLISTED, UNSEEN].includes(model.site.find(outside, cell)), outside);
        }
      }
      model.checkAll();
    }),
    { numRuns: 20 },
  );
});
