import { KernelTables, type TableOptions } from "../../../src/capture/bpf/tables/kernel-tables.ts";
import { tableSizes, type TableSizes } from "../../../src/capture/bpf/tables/table-sizes.ts";
import { SharedTables } from "../../../src/capture/bpf/tables/shared-tables.ts";
import { Places } from "../../../src/capture/bpf/tables/places.ts";
import { Hook, loadProgram } from "../../../src/capture/bpf/program/program.ts";
import { KernelVlans, type VlanBounds } from "../../../src/capture/bpf/vlans/kernel-vlans.ts";
import { KernelZones } from "../../../src/capture/bpf/zones/kernel-zones.ts";
import { AccountCounters } from "../../../src/capture/bpf/zones/account-counters.ts";
import { KernelAccounts } from "../../../src/capture/bpf/zones/kernel-accounts.ts";
import { FIRST_NAMED, Zone } from "../../../src/ledger/zones/zone.ts";
import type { AccountLedger } from "../../../src/ledger/accounts/account-ledger.ts";
import type { Accounts } from "../../../src/ledger/accounts/accounts.ts";
import { ZoneCounters } from "../../../src/capture/bpf/zones/zone-counters.ts";
import { SLOT_DOUBLES } from "../../../src/ledger/histogram.ts";
import { ALL_SLOT, type InterfaceLedger } from "../../../src/ledger/interface-ledger.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { type Range, RangeTable } from "../../../src/ledger/ranges.ts";
import { Direction, type Rows } from "../../../src/ledger/rows.ts";
import type { Slots } from "../../../src/ledger/slots.ts";
import { NO_VLAN, vlanLabel } from "../../../src/ledger/vlans/vlan.ts";
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
  /** Most VLANs that are told apart, and those that were before; undefined if none are. */
  vlans?: VlanBounds | undefined;
  /** Likewise, customers by what is at the other end. */
  accounts?: () => Accounts | undefined;
  /** Of what gives slots to accounts. */
  accountTables?: TableOptions;
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
  readonly #options: Required<Omit<TwinsOptions, "vlans">> & Pick<TwinsOptions, "vlans">;
  readonly #shared: SharedTables;
  readonly #counted: Ledger;
  readonly #parsed: Ledger;
  readonly #packet = new Packet();
  readonly #vlans: KernelVlans | undefined;
  readonly kernelAccounts: KernelAccounts | undefined;
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
      vlans: undefined,
      accounts: () => undefined,
      accountTables: {},
      sizes: (chosen) => chosen,
      ...options,
    };
    const { maxAddresses, zonings, accounts, opensTunnels, vlans } = this.#options;
    this.ranges = new RangeTable(ranges);
    this.#shared = new SharedTables(this.ranges);
    const ledger = (): Ledger =>
      new Ledger(this.ranges, maxAddresses, zonings(), { opensTunnels, accounts: accounts(), maxVlans: vlans?.limit });
    this.#counted = ledger();
    this.#parsed = ledger();
    this.#vlans = vlans === undefined ? undefined : new KernelVlans(vlans);
    const places = new Places(this.ranges);
    const chosen = tableSizes(this.ranges, places, maxAddresses, 1, CPUS, false, this.#vlans?.count);
    const sizes = this.#options.sizes(chosen);
    const counted = this.#counted.interface("eth0");
    this.tables = new KernelTables(this.ranges, places, counted, this.#shared, sizes, { vlans: this.#vlans });
    const sharing = { siblings: 1, cpus: CPUS, isRealtime: sizes.isAtomic };
    this.zones = counted.zones.map((zones) => {
      const kernelZones = new KernelZones(zones.zoning);
      for (const _ of kernelZones.fill());
      return new ZoneCounters(kernelZones, zones, sharing);
    });
    if (counted.accounts !== undefined) {
      this.kernelAccounts = new KernelAccounts(counted.accounts.accounts, [], this.#options.accountTables);
      for (const _ of this.kernelAccounts.fill());
      this.#accounts = new AccountCounters(this.kernelAccounts, counted.accounts, sharing);
    }
    const maps = { zones: this.zones, accounts: this.#accounts, vlans: this.#vlans };
    const program = { ...this.#options, ...maps, ignoreOutgoing: false };
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
    packet.vlan = NO_VLAN;
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
    this.kernelAccounts?.close();
    this.#vlans?.close();
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
  /** Likewise of VLANs, if they are told apart. */
  vlans: Map<string, number[]>;
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
  const whole = ledger.interface("eth0");
  const { slots, unopened, zones, accounts } = whole;
  const sum = (count: (part: InterfaceLedger) => number): number =>
    whole.parts().reduce((all, part) => all + count(part), 0);
  const others = whole.parts().slice(1);
  return {
    all: slotOf(slots, ALL_SLOT),
    vlans: sorted(others.map((part) => [vlanLabel(part.vlan!), slotOf(part.slots, ALL_SLOT)])),
    refused: Object.fromEntries(REFUSALS.map(([verdict, name]) => [name, sum(({ verdicts }) => verdicts[verdict]!)])),
    unopened: Object.fromEntries(UNOPENED_REASONS.map(([reason, name]) => [name, unopened[reason]!])),
    aggregatedPackets: sum(({ aggregatedPackets }) => aggregatedPackets),
    exhaustedPackets: sum(({ exhaustedPackets }) => exhaustedPackets),
    addresses: ledger.addresses.used,
    cells: cellsOf(whole, ledger.ranges),
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

/** What has packets, by names, and `other`. */
export function accountsOf({ accounts, counts }: AccountLedger): [string, number[]][] {
  const found: [string, number[]][] = [];
  for (let slot: number = Zone.OTHER; slot < accounts.slots.count; slot++) {
    const labels = slot < FIRST_NAMED ? ["other"] : accountLabels(accounts, slot);
    for (const [name, direction] of Object.entries(Direction)) {
      const numbers = [PACKETS, BYTES].map((what) => counts.count(slot, direction, what));
      if (numbers[0]! > 0) found.push([`${labels.join(",")} ${name}`, numbers]);
    }
  }
  return found;
}

function accountLabels(accounts: Accounts, slot: number): string[] {
  const { customer, remote, column, vlan } = accounts.accountOf(slot);
  const labels = [accounts.customers.nameOf(customer)];
  if (remote !== Zone.UNKNOWN) labels.push(accounts.remotes.nameOf(remote));
  if (vlan !== NO_VLAN) labels.push(`vlan="${vlanLabel(vlan)}"`);
  if (column > 0) labels.push(`protocol="${PROTOCOL_LABELS[column]}"`);
  return labels;
}

function slotOf({ counters }: Slots, slot: number): number[] {
  return [...counters.subarray(slot * SLOT_DOUBLES, (slot + 1) * SLOT_DOUBLES)];
}

function cellsOf(ledger: InterfaceLedger, ranges: RangeTable): Map<string, number[]> {
  const cells = ledger.parts().flatMap((part) => cellsOfPart(part, ranges));
  const found = new Map(cells.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  if (found.size !== cells.length) throw new Error("two rows are for the same address");
  return found;
}

function cellsOfPart({ rows, slots, vlan = NO_VLAN }: InterfaceLedger, ranges: RangeTable): [string, number[]][] {
  const cells: [string, number[]][] = [];
  const prefix = vlan === NO_VLAN ? "" : `${vlanLabel(vlan)}: `;
  for (let row = 0; row < rows.count; row++) {
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = rows.slotOf(row, cell);
      if (slot > 0) cells.push([`${prefix}${nameOf(rows, row, ranges)}, cell ${cell}`, slotOf(slots, slot)]);
    }
  }
  return cells;
}

/** Ranges with equal labels share their `other`, whichever of them it is filed under. */
function nameOf(rows: Rows, row: number, ranges: RangeTable): string {
  const range = rows.rangeOf(row);
  const { version } = ranges.ranges[range]!;
  if (rows.isOther(row)) return `other IPv${version} of labels ${ranges.groupOf[range]}`;
  const words = [0, 1, 2, 3].map((k) => rows.addressWord(row, k).toString(16));
  return `IPv${version} ${words.join(":")} of range ${range}`;
}
