import { KernelTables } from "../../../src/capture/bpf/tables/kernel-tables.ts";
import { tableSizes, type TableSizes } from "../../../src/capture/bpf/tables/table-sizes.ts";
import { SharedTables } from "../../../src/capture/bpf/tables/shared-tables.ts";
import { Places } from "../../../src/capture/bpf/tables/places.ts";
import { Hook, loadProgram } from "../../../src/capture/bpf/program/program.ts";
import { KernelZones } from "../../../src/capture/bpf/zones/kernel-zones.ts";
import { AccountCounters } from "../../../src/capture/bpf/zones/account-counters.ts";
import { KernelAccounts } from "../../../src/capture/bpf/zones/kernel-accounts.ts";
import { FIRST_NAMED, Zone } from "../../../src/ledger/zones/zone.ts";
import type { AccountLedger } from "../../../src/ledger/accounts/account-ledger.ts";
import type { Accounts } from "../../../src/ledger/accounts/accounts.ts";
import { ZoneCounters } from "../../../src/capture/bpf/zones/zone-counters.ts";
import { SLOT_DOUBLES } from "../../../src/ledger/histogram.ts";
import { ALL_SLOT } from "../../../src/ledger/interface-ledger.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { type Range, RangeTable } from "../../../src/ledger/ranges.ts";
import { Direction, type Rows } from "../../../src/ledger/rows.ts";
import type { Slots } from "../../../src/ledger/slots.ts";
import { BYTES, PACKETS } from "../../../src/ledger/zones/slot-counters.ts";
import type { ZoneLedger } from "../../../src/ledger/zones/zone-ledger.ts";
import type { Zoning } from "../../../src/ledger/zones/zoning.ts";
import * as libc from "../../../src/native/libc.ts";
import { LINKTYPE_ETHERNET } from "../../../src/packet/link/link-types.ts";
import { Packet, REFUSALS, UNOPENED_REASONS } from "../../../src/packet/packet.ts";
import { parseFrame, parsePayload } from "../../../src/packet/parse.ts";
import { PROTOCOL_COLUMNS, PROTOCOL_LABELS } from "../../../src/packet/protocols.ts";
import { parseSegments } from "../../../src/packet/transport.ts";
import { openTunnel } from "../../../src/packet/tunnel.ts";
import { behindEthernet, canRun, testRun } from "./test-run.ts";
import { sorted } from "../../support/sorted.ts";

const ROW_CELLS = 2 * PROTOCOL_COLUMNS;
const MANY = 10_000;
const CPUS = 2;

export interface TwinsOptions {
  hook?: Hook;
  /** Frames begin with an Ethernet header; else the kernel has taken off the link header. */
  isEthernet?: boolean;
  maxAddresses?: number;
  wireSizes?: boolean;
  opensTunnels?: boolean;
  /** Makes the ways to tell remote addresses apart; called for each of the two. */
  zonings?: () => Zoning[];
  /** Likewise, customers by what is at the other end. */
  accounts?: () => Accounts | undefined;
  /** Sizes of the kernel's tables, made from those that would be chosen. */
  sizes?: (chosen: TableSizes) => TableSizes;
}

/** What is told of a frame beside its bytes. */
export interface Told {
  /** Payload of the packets that it stands for; 0 for a frame that stands for itself. */
  gsoSize?: number;
  /** What follows, if there is no Ethernet header to say so. */
  etherType?: number;
}

/** The program in the kernel with its ledger, and the parser with another one: both see the same frames. Needs root. */
export class Twins implements Disposable {
  readonly ranges: RangeTable;
  readonly tables: KernelTables;
  readonly zones: readonly ZoneCounters[];
  readonly programFd: number;
  readonly #options: Required<TwinsOptions>;
  readonly #shared: SharedTables;
  readonly #counted: Ledger;
  readonly #parsed: Ledger;
  readonly #packet = new Packet();
  readonly #kernelAccounts: KernelAccounts | undefined;
  readonly #accounts: AccountCounters | undefined;
  #isReceived = false;

  constructor(ranges: readonly Range[], options: TwinsOptions = {}) {
    this.#options = {
      hook: Hook.SOCKET,
      isEthernet: true,
      maxAddresses: MANY,
      wireSizes: false,
      opensTunnels: false,
      zonings: () => [],
      accounts: () => undefined,
      sizes: (chosen) => chosen,
      ...options,
    };
    const { maxAddresses, zonings, accounts, opensTunnels } = this.#options;
    this.ranges = new RangeTable(ranges);
    this.#shared = new SharedTables(this.ranges);
    this.#counted = new Ledger(this.ranges, maxAddresses, zonings(), { opensTunnels, accounts: accounts() });
    this.#parsed = new Ledger(this.ranges, maxAddresses, zonings(), { opensTunnels, accounts: accounts() });
    const places = new Places(this.ranges);
    const sizes = this.#options.sizes(tableSizes(this.ranges, places, maxAddresses, 1, CPUS, false));
    const ledger = this.#counted.interface("eth0");
    this.tables = new KernelTables(this.ranges, places, ledger, this.#shared, sizes);
    const sharing = { siblings: 1, cpus: CPUS, isRealtime: sizes.isAtomic };
    this.zones = ledger.zones.map((zones) => new ZoneCounters(new KernelZones(zones.zoning), zones, sharing));
    if (ledger.accounts !== undefined) {
      this.#kernelAccounts = new KernelAccounts(ledger.accounts.accounts);
      this.#accounts = new AccountCounters(this.#kernelAccounts, ledger.accounts, sharing);
    }
    const program = { ...this.#options, zones: this.zones, accounts: this.#accounts, ignoreOutgoing: false };
    this.programFd = loadProgram(program, this.ranges, places, this.tables);
  }

  /** Shows both a frame that `canRun` takes; returns what the program answered. */
  see(bytes: Uint8Array, told: Told = {}): number {
    this.parse(bytes, told);
    const data =
      this.#options.hook === Hook.TCX ? bytes : behindEthernet(bytes, told.etherType ?? this.#seenType(bytes));
    return testRun(this.programFd, data, told);
  }

  /** The EtherType that the kernel has seen in every other frame: it knows that of what it received alone. */
  #seenType(bytes: Uint8Array): number | undefined {
    this.#isReceived = !this.#isReceived;
    const type = (bytes[12]! << 8) | bytes[13]!;
    return this.#isReceived && canRun("bare", bytes, type) ? type : undefined;
  }

  /** Shows a frame to the parser alone. */
  parse(bytes: Uint8Array, { gsoSize = 0, etherType }: Told = {}): void {
    const packet = this.#packet;
    if (this.#options.isEthernet) parseFrame(packet, LINKTYPE_ETHERNET, bytes, 0, bytes.length, bytes.length);
    else parsePayload(packet, etherType!, bytes, 0, bytes.length, bytes.length);
    if (this.#options.opensTunnels) openTunnel(packet, bytes, bytes.length);
    this.#record(bytes, gsoSize);
  }

  /** The kernel's ledger, brought up to date. */
  counted(): Facts {
    this.tables.sync();
    for (const counters of this.zones) counters.sync();
    this.#accounts?.sync();
    return factsOf(this.#counted);
  }

  /** The parser's ledger. */
  parsed(): Facts {
    return factsOf(this.#parsed);
  }

  [Symbol.dispose](): void {
    libc.close(this.programFd);
    this.tables.close();
    for (const counters of this.zones) {
      counters.close();
      counters.zones.close();
    }
    this.#accounts?.close();
    this.#kernelAccounts?.close();
    this.#shared.close();
  }

  #record(bytes: Uint8Array, gsoSize: number): void {
    const packet = this.#packet;
    const ledger = this.#parsed.interface("eth0").sink;
    if (gsoSize === 0) {
      ledger.record(packet);
      return;
    }
    packet.segmentBytes = 0;
    if (this.#options.wireSizes) {
      parseSegments(packet, gsoSize, bytes, bytes.length - packet.lengthBytes, bytes.length);
    }
    ledger.recordAggregated(packet);
  }
}

/** All that the page can say of an interface, whatever the order in which rows and slots were given out. */
export interface Facts {
  all: number[];
  /** Frames that could not be accounted, by reason. */
  refused: Record<string, number>;
  /** Tunnels that could not be opened, by reason. */
  unopened: Record<string, number>;
  aggregatedPackets: number;
  exhaustedPackets: number;
  /** Addresses that have series. */
  addresses: number;
  /** Row and cell → buckets and sum. */
  cells: Map<string, number[]>;
  /** Label, zone and direction → packets and bytes. */
  zones: Map<string, number[]>;
  /** Customer, other end, column and direction → packets and bytes. */
  accounts: Map<string, number[]>;
}

/** What all addresses have together, by IP version, direction and protocol. */
export function totalsOf({ cells }: Facts): Map<string, number[]> {
  const totals = new Map<string, number[]>();
  for (const [name, counters] of cells) {
    const [, version, cell] = /(IPv[46]).*(cell \d+)$/.exec(name)!;
    const key = `${version}, ${cell}`;
    const sum = totals.get(key) ?? counters.map(() => 0);
    totals.set(
      key,
      sum.map((value, k) => value + counters[k]!),
    );
  }
  return new Map([...totals].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function factsOf(ledger: Ledger): Facts {
  const { slots, verdicts, unopened, aggregatedPackets, exhaustedPackets, rows, zones, accounts } =
    ledger.interface("eth0");
  return {
    all: slotOf(slots, ALL_SLOT),
    refused: Object.fromEntries(REFUSALS.map(([verdict, name]) => [name, verdicts[verdict]!])),
    unopened: Object.fromEntries(UNOPENED_REASONS.map(([reason, name]) => [name, unopened[reason]!])),
    aggregatedPackets,
    exhaustedPackets,
    addresses: ledger.addresses.used,
    cells: cellsOf(rows, slots, ledger.ranges),
    accounts: sorted(accounts === undefined ? [] : accountsOf(accounts)),
    zones: new Map(zones.flatMap(zonesOf).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** What has packets, by names, whatever the order in which slots were given out. */
export function zonesOf(ledger: ZoneLedger): [string, number[]][] {
  const { zoning } = ledger;
  const found: [string, number[]][] = [];
  for (let slot = 1; slot < zoning.slots.count; slot++) {
    for (const [name, direction] of Object.entries(Direction)) {
      const counts = [PACKETS, BYTES].map((what) => ledger.counts.count(slot, direction, what));
      if (counts[0]! > 0) found.push([`${zoning.label} ${zoning.nameOf(zoning.slots.ownerOf(slot))} ${name}`, counts]);
    }
  }
  return found;
}

/** What has packets, by names. */
export function accountsOf({ accounts, counts }: AccountLedger): [string, number[]][] {
  const found: [string, number[]][] = [];
  for (let slot = FIRST_NAMED; slot < accounts.slots.count; slot++) {
    const { customer, remote, column } = accounts.accountOf(slot);
    const labels = [accounts.customers.nameOf(customer)];
    if (remote !== Zone.UNKNOWN) labels.push(accounts.remotes.nameOf(remote));
    if (column > 0) labels.push(`protocol="${PROTOCOL_LABELS[column]}"`);
    for (const [name, direction] of Object.entries(Direction)) {
      const numbers = [PACKETS, BYTES].map((what) => counts.count(slot, direction, what));
      if (numbers[0]! > 0) found.push([`${labels.join(",")} ${name}`, numbers]);
    }
  }
  return found;
}

function slotOf({ counters }: Slots, slot: number): number[] {
  return [...counters.subarray(slot * SLOT_DOUBLES, (slot + 1) * SLOT_DOUBLES)];
}

function cellsOf(rows: Rows, slots: Slots, ranges: RangeTable): Map<string, number[]> {
  const cells: [string, number[]][] = [];
  for (let row = 0; row < rows.count; row++) {
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = rows.slotOf(row, cell);
      if (slot > 0) cells.push([`${nameOf(rows, row, ranges)}, cell ${cell}`, slotOf(slots, slot)]);
    }
  }
  const found = new Map(cells.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  if (found.size !== cells.length) throw new Error("two rows are for the same address");
  return found;
}

/** Ranges with equal labels share their `other`, whichever of them it is filed under. */
function nameOf(rows: Rows, row: number, ranges: RangeTable): string {
  const range = rows.rangeOf(row);
  const { version } = ranges.ranges[range]!;
  if (rows.isOther(row)) return `other IPv${version} of labels ${ranges.groupOf[range]}`;
  const words = [0, 1, 2, 3].map((k) => rows.addressWord(row, k).toString(16));
  return `IPv${version} ${words.join(":")} of range ${range}`;
}
