import { setImmediate as nextTurn } from "node:timers/promises";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import type { Accounts } from "../../ledger/accounts/accounts.ts";
import type { FurtherCounts, InterfaceLedger } from "../../ledger/interface-ledger.ts";
import { Ledger } from "../../ledger/ledger.ts";
import type { RangeTable } from "../../ledger/ranges.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";
import * as libc from "../../native/libc.ts";
import { type Engine, type EngineKind, EngineName, type Losses, type Renewal } from "../engine.ts";
import { ARPHRD_LOOPBACK, type Link } from "../netlink.ts";
import type { CapabilityName } from "../../native/capabilities.ts";
import { type Attachment, socketAttachment, TCX_ATTACHMENT } from "./attach.ts";
import { close, closeProgram, type Counting, retarget, setLedger, sync } from "./counting.ts";
import { isRealtime, possibleCpus } from "./cpus.ts";
import { untilProgramsEnd } from "./tables/grace.ts";
import { hasIndex, KernelTables } from "./tables/kernel-tables.ts";
import { Places } from "./tables/places.ts";
import { Hook, loadProgram } from "./program/program.ts";
import { capabilitiesForMaps, capabilitiesToLoad, kernelRefusal, MIN_KERNEL, MIN_TCX_KERNEL } from "./refusal.ts";
import { SharedTables } from "./tables/shared-tables.ts";
import { tableSizes } from "./tables/table-sizes.ts";
import type { Promiscuity } from "../packet-socket.ts";
import { AccountCounters } from "./zones/account-counters.ts";
import { accountRefusal } from "./zones/account-layout.ts";
import { Finders, type KnownVlans } from "./zones/finders.ts";
import { ZoneCounters } from "./zones/zone-counters.ts";
import { vlanRefusal } from "./vlans/vlan-layout.ts";

/** What the two kernel engines differ in. */
interface Variant extends Pick<EngineKind, "name" | "needs" | "keeps"> {
  hook: Hook;
  /** Descriptors of what attaches a program to an interface. */
  attached: number;
  attachment: Attachment;
}

export interface KernelOptions {
  ranges: RangeTable;
  maxAddresses: number;
  wireSizes: boolean;
  opensTunnels: boolean;
  /** Most VLANs of addresses; undefined if addresses count alike in all. */
  maxVlans?: number | undefined;
  knownVlans?: KnownVlans;
  /** Of engine bpf alone. */
  promiscuity?: Promiscuity;
  zonings: readonly Zoning[];
  accounts?: Accounts | undefined;
  /** Interfaces that there will be, as far as that is known. */
  siblings?: number;
  /** No interface will come that is not known by name: nothing will have to be loaded after start. */
  isFixed: boolean;
}

/** With CAP_PERFMON the kernel leaves its guards against speculation out of the program, even if it is not needed. */
const TO_LOAD = ["CAP_BPF", "CAP_PERFMON"] as const;
const LOOPBACK: Link = {
  name: "lo",
  altNames: [],
  index: 1,
  isUp: true,
  isLoopback: true,
  hardwareType: ARPHRD_LOOPBACK,
  isEthernet: true,
  kind: "",
  masterIndex: 0,
  lowerIndex: 0,
};
const NOTHING_LOST: Losses = { packets: 0 };

/**
 * Counts in the kernel, as a filter on a packet socket: sees what libpcap sees and cannot harm traffic. Loses nothing:
 * the program runs before any buffer. Needs CAP_NET_RAW, and what loading asks for.
 */
export function bpfKind(options: KernelOptions): EngineKind {
  const { ranges, maxVlans, accounts } = options;
  const takesOut = hasIndex(ranges, maxVlans !== undefined) || accounts?.hasVlans === true;
  const ofIndex = takesOut ? capabilitiesForMaps() : [];
  const later = options.isFixed ? ofIndex : TO_LOAD;
  const needs = ["CAP_NET_RAW", ...capabilitiesToLoad()] as const;
  const keeps = ["CAP_NET_RAW", ...later] as const;
  return new KernelKind(
    {
      name: EngineName.BPF,
      hook: Hook.SOCKET,
      attached: 1,
      attachment: socketAttachment(options.promiscuity),
      needs,
      keeps,
    },
    options,
  );
}

/**
 * Counts in the kernel at the hooks for received and sent packets (kernel 6.6): the cheapest. Sees sent packets before
 * the queue, and cut into segments later. Needs CAP_NET_ADMIN, and what loading asks for.
 */
export function tcxKind(options: KernelOptions): EngineKind {
  const needs = ["CAP_NET_ADMIN", ...capabilitiesToLoad()] as const;
  const keeps = ["CAP_NET_ADMIN", ...TO_LOAD] as const;
  return new KernelKind(
    { name: EngineName.TCX, hook: Hook.TCX, attached: 2, attachment: TCX_ATTACHMENT, needs, keeps },
    options,
  );
}

class KernelKind implements EngineKind {
  readonly name: EngineName;
  readonly needs: readonly CapabilityName[];
  readonly keeps: readonly CapabilityName[];
  readonly descriptors: number;
  readonly #variant: Variant;
  readonly #options: KernelOptions;
  readonly #places: Places;
  /** Name of an interface → what counted for it when there was one. */
  readonly #idle = new Map<string, Counting>();
  readonly #finders: Finders;
  #shared: SharedTables | undefined;

  /** `finders`: those of a kind before it, if there is one. */
  constructor(variant: Variant, options: KernelOptions, finders = new Finders()) {
    const { name, attached, needs, keeps } = variant;
    const { ranges, isFixed, maxVlans } = options;
    this.name = name;
    this.needs = needs;
    this.keeps = keeps;
    this.#variant = variant;
    this.#options = options;
    this.#places = new Places(ranges);
    this.#finders = finders;
    finders.join();
    this.descriptors = attached + (isFixed ? 1 : 0) + (hasIndex(ranges, maxVlans !== undefined) ? 1 : 0);
  }

  /** Loads the real program and attaches it to loopback for a moment. */
  async probe(): Promise<string | undefined> {
    const tooOld = kernelRefusal(this.#variant.hook === Hook.TCX ? MIN_TCX_KERNEL : MIN_KERNEL);
    if (tooOld !== undefined) return tooOld;
    const refusal = this.#refusal();
    if (refusal !== undefined) return refusal;
    const { ranges, maxAddresses, zonings, accounts, maxVlans } = this.#options;
    const ledger = new Ledger(ranges, maxAddresses, zonings, { accounts, maxVlans });
    try {
      const counting = this.#load(LOOPBACK, ledger.interface(LOOPBACK.name), 1);
      try {
        const { attachment } = this.#variant;
        void attachment.detach(await attachment.attach(LOOPBACK, counting.programFd!));
      } finally {
        close(counting);
      }
      return undefined;
    } catch (error) {
      this.close();
      return messageOf(error);
    } finally {
      ledger.forget(LOOPBACK.name);
    }
  }

  /** Why there is no room for what is asked for; undefined if there is. */
  #refusal(siblings = this.#options.siblings ?? 1): string | undefined {
    const { ranges, accounts, maxVlans } = this.#options;
    const refusal = maxVlans === undefined ? undefined : vlanRefusal(maxVlans, ranges.groups, siblings);
    return refusal ?? (accounts === undefined ? undefined : accountRefusal(accounts, siblings));
  }

  #judge(siblings: number): void {
    const refusal = this.#refusal(Math.max(siblings, this.#options.siblings ?? 1));
    if (refusal === undefined) return;
    throw new PromtapError(ErrorCode.HOST, `couldn't count that with engine ${this.name}: ${refusal}`);
  }

  async open(link: Link, ledger: InterfaceLedger, siblings: number): Promise<Engine> {
    const counting = this.#takeIdle(link, ledger) ?? this.#load(link, ledger, siblings + this.#idle.size);
    try {
      const attached = await this.#variant.attachment.attach(link, counting.programFd!);
      if (!this.#options.isFixed) closeProgram(counting);
      return new KernelEngine(this, link, ledger, counting, attached);
    } catch (error) {
      this.keep(counting);
      throw error;
    }
  }

  get ranges(): RangeTable {
    return this.#options.ranges;
  }

  roomier({ zonings, accounts }: FurtherCounts): KernelKind {
    return new KernelKind(this.#variant, { ...this.#options, zonings, accounts }).#judged();
  }

  reranged(ranges: RangeTable, maxAddresses: number): KernelKind {
    return new KernelKind(this.#variant, { ...this.#options, ranges, maxAddresses }, this.#finders).#judged();
  }

  /** Throws PromtapError, and is closed, if there is no room for what it is asked for, whether or not it has interfaces. */
  #judged(): this {
    try {
      this.#judge(1);
      return this;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async makeShared(): Promise<void> {
    const { zonings, accounts, knownVlans } = this.#options;
    for (const _ of this.#finders.make({ zonings, accounts }, knownVlans)) await nextTurn();
  }

  /** What counts by the rules of this kind and waits for a ledger, to take the place of what counts for `ledger` now. Throws PromtapError. */
  prepare(link: Link, ledger: InterfaceLedger, siblings: number): Counting {
    this.#judge(siblings);
    const counting = this.#load(link, ledger, siblings);
    setLedger(counting, undefined);
    return counting;
  }

  /** Has packets come to what was prepared. Throws PromtapError. */
  replace({ name }: Link, attached: readonly number[], counting: Counting): void {
    const result = this.#variant.attachment.replace(attached, counting.programFd!);
    if (result < 0) throw new PromtapError(ErrorCode.HOST, `couldn't open ${name}: ${libc.errnoText(result)}`);
    if (!this.#options.isFixed) closeProgram(counting);
  }

  detach(attached: readonly number[]): Promise<void> {
    return this.#variant.attachment.detach(attached);
  }

  settled(): Promise<void> {
    return untilProgramsEnd();
  }

  /** Gives up what no engine uses; engines that are left need no more. */
  close(): void {
    for (const counting of this.#idle.values()) close(counting);
    this.#idle.clear();
    this.#finders.leave();
    this.#shared?.close();
    this.#shared = undefined;
  }

  forget(interfaceName: string): void {
    const counting = this.#idle.get(interfaceName);
    if (counting === undefined) return;
    this.#idle.delete(interfaceName);
    close(counting);
  }

  /** What counted for an interface of that name before, if it can be used again. */
  #takeIdle(link: Link, ledger: InterfaceLedger): Counting | undefined {
    const counting = this.#idle.get(ledger.name);
    if (counting?.isEthernet !== link.isEthernet) return undefined;
    this.#idle.delete(ledger.name);
    retarget(counting, ledger);
    return counting;
  }

  /** Keeps what counted for an interface that is gone: the right to load it again may be gone too. */
  keep(counting: Counting): void {
    this.forget(counting.interfaceName);
    if (this.#options.isFixed) this.#idle.set(counting.interfaceName, counting);
    else close(counting);
  }

  #load(link: Link, ledger: InterfaceLedger, siblings: number): Counting {
    this.#shared ??= new SharedTables(this.#options.ranges);
    const { isEthernet } = link;
    const cpus = possibleCpus();
    const realtime = isRealtime();
    const sharing = { siblings, cpus, isRealtime: realtime };
    const { ranges, maxAddresses, zonings, accounts, maxVlans, knownVlans } = this.#options;
    const vlans = maxVlans === undefined ? undefined : this.#finders.vlans(maxVlans, knownVlans);
    const sizes = tableSizes(ranges, this.#places, maxAddresses, siblings, cpus, realtime, vlans?.count);
    const tables = new KernelTables(ranges, this.#places, ledger, this.#shared, sizes, { vlans });
    const options = {
      hook: this.#variant.hook,
      isEthernet,
      ignoreOutgoing: link.isLoopback,
      wireSizes: this.#options.wireSizes,
      opensTunnels: this.#options.opensTunnels,
      zones: [] as ZoneCounters[],
      accounts: undefined as AccountCounters | undefined,
      vlans,
    };
    try {
      for (const zoning of zonings) {
        options.zones.push(new ZoneCounters(this.#finders.zones(zoning), ledger.zonesOf(zoning), sharing));
      }
      if (accounts !== undefined) {
        const finder = this.#finders.accounts(accounts, knownVlans);
        options.accounts = new AccountCounters(finder, ledger.accountsOf(accounts), sharing);
      }
      const programFd = loadProgram(options, ranges, this.#places, tables);
      tables.closeDescriptors();
      for (const counters of options.zones) counters.closeDescriptors();
      options.accounts?.closeDescriptors();
      const finders = this.#finders;
      finders.join();
      const { zones, accounts: accountCounters } = options;
      return { interfaceName: ledger.name, tables, finders, zones, accounts: accountCounters, programFd, isEthernet };
    } catch (error) {
      tables.close();
      for (const counters of options.zones) counters.close();
      options.accounts?.close();
      throw error;
    }
  }
}

class KernelEngine implements Engine {
  #kind: KernelKind;
  #counting: Counting;
  readonly #link: Link;
  /** The last that it has counted into. */
  #ledger: InterfaceLedger;
  readonly #attached: readonly number[];
  #isOpen = true;

  /** `kind` takes the counting back. */
  constructor(kind: KernelKind, link: Link, ledger: InterfaceLedger, counting: Counting, attached: readonly number[]) {
    this.#kind = kind;
    this.#link = link;
    this.#ledger = ledger;
    this.#counting = counting;
    this.#attached = attached;
  }

  sync(): void {
    if (this.#isOpen) sync(this.#counting);
  }

  *syncTotals(): Generator<void> {
    const counting = this.#counting;
    const { zones, accounts, tables } = counting;
    for (const counters of zones) yield* counters.inTurns();
    if (accounts !== undefined) yield* accounts.inTurns();
    if (this.#isOpen && this.#counting === counting) tables.syncTotal();
  }

  retarget(ledger: InterfaceLedger | undefined): void {
    if (!this.#isOpen) return;
    // By the ranges before, its rows would be taken for others.
    const to = ledger?.ranges === this.#kind.ranges ? ledger : undefined;
    retarget(this.#counting, to);
    this.#ledger = to ?? this.#ledger;
  }

  renew(kind: EngineKind, siblings: number): Renewal | undefined {
    if (!(kind instanceof KernelKind)) return undefined;
    const next = kind.prepare(this.#link, this.#ledger, siblings);
    return {
      begin: () => kind.replace(this.#link, this.#attached, next),
      finish: () => {
        // What waits for a name counts for the last one: nothing would take it later.
        setLedger(this.#counting, this.#ledger);
        sync(this.#counting);
        close(this.#counting);
        this.#counting = next;
        this.#kind = kind;
      },
      undo: () => close(next),
    };
  }

  losses(): Losses {
    return NOTHING_LOST;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kind.detach(this.#attached);
    this.sync();
    this.#isOpen = false;
    // Without a ledger: what waits for one is not for the interface that the counting serves next.
    this.#counting.tables.discard();
    for (const counters of this.#counting.zones) counters.discard();
    this.#counting.accounts?.discard();
    this.#kind.keep(this.#counting);
  }
}
