import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import type { Accounts } from "../../ledger/accounts/accounts.ts";
import type { InterfaceLedger } from "../../ledger/interface-ledger.ts";
import { Ledger } from "../../ledger/ledger.ts";
import type { RangeTable } from "../../ledger/ranges.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";
import * as libc from "../../native/libc.ts";
import { type Engine, type EngineKind, EngineName, type Losses, type Renewal } from "../engine.ts";
import { ARPHRD_LOOPBACK, type Link } from "../netlink.ts";
import type { CapabilityName } from "../../native/capabilities.ts";
import {
  type Attach,
  attachPromiscuousSocket,
  attachSocket,
  attachTcx,
  type Replace,
  replaceOnSocket,
  replaceTcx,
} from "./attach.ts";
import { isRealtime, possibleCpus } from "./cpus.ts";
import { untilProgramsEnd } from "./tables/grace.ts";
import { hasIndex, KernelTables } from "./tables/kernel-tables.ts";
import { Places } from "./tables/places.ts";
import { Hook, loadProgram } from "./program/program.ts";
import { capabilitiesForMaps, kernelRefusal, MIN_KERNEL, MIN_TCX_KERNEL } from "./refusal.ts";
import { SharedTables } from "./tables/shared-tables.ts";
import { tableSizes } from "./tables/table-sizes.ts";
import { AccountCounters } from "./zones/account-counters.ts";
import { accountRefusal } from "./zones/account-layout.ts";
import { Finders } from "./zones/finders.ts";
import { ZoneCounters } from "./zones/zone-counters.ts";

/** What the two kernel engines differ in. */
interface Variant extends Pick<EngineKind, "name" | "needs" | "keeps"> {
  hook: Hook;
  /** Descriptors of what attaches a program to an interface. */
  attached: number;
  attach: Attach;
  replace: Replace;
}

/** A program and its tables, made for one interface. */
interface Counting {
  /** What the interface was called last, of the names that are counted for. */
  interfaceName: string;
  tables: KernelTables;
  zones: readonly ZoneCounters[];
  accounts: AccountCounters | undefined;
  /** Undefined if what the program is attached to is all that holds it. */
  programFd: number | undefined;
  isEthernet: boolean;
}

export interface KernelOptions {
  ranges: RangeTable;
  maxAddresses: number;
  wireSizes: boolean;
  opensTunnels: boolean;
  /** Tell VLANs apart, which no program does. */
  tellsVlans?: boolean;
  /** Of engine bpf alone. */
  isPromiscuous?: boolean;
  zonings: readonly Zoning[];
  accounts?: Accounts | undefined;
  /** Interfaces that there will be, as far as that is known. */
  siblings?: number;
  /** No interface will come that is not known by name: nothing will have to be loaded after start. */
  isFixed: boolean;
}

/** CAP_PERFMON is not needed; with it the kernel leaves its guards against speculation out of the program. */
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
 * the program runs before any buffer. Needs CAP_NET_RAW and CAP_BPF.
 */
export function bpfKind(options: KernelOptions): EngineKind {
  const ofIndex = hasIndex(options.ranges) ? capabilitiesForMaps() : [];
  const later = options.isFixed ? ofIndex : TO_LOAD;
  const needs = ["CAP_NET_RAW", "CAP_BPF"] as const;
  const keeps = ["CAP_NET_RAW", ...later] as const;
  return new KernelKind(
    {
      name: EngineName.BPF,
      hook: Hook.SOCKET,
      attached: 1,
      attach: options.isPromiscuous === true ? attachPromiscuousSocket : attachSocket,
      replace: replaceOnSocket,
      needs,
      keeps,
    },
    options,
  );
}

/**
 * Counts in the kernel at the hooks for received and sent packets (kernel 6.6): the cheapest. Sees sent packets before
 * the queue, and cut into segments later. Needs CAP_NET_ADMIN and CAP_BPF.
 */
export function tcxKind(options: KernelOptions): EngineKind {
  const needs = ["CAP_NET_ADMIN", "CAP_BPF"] as const;
  const keeps = ["CAP_NET_ADMIN", ...TO_LOAD] as const;
  return new KernelKind(
    { name: EngineName.TCX, hook: Hook.TCX, attached: 2, attach: attachTcx, replace: replaceTcx, needs, keeps },
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
    const { ranges, isFixed } = options;
    this.name = name;
    this.needs = needs;
    this.keeps = keeps;
    this.#variant = variant;
    this.#options = options;
    this.#places = new Places(ranges);
    this.#finders = finders;
    this.descriptors = attached + (isFixed ? 1 : 0) + (hasIndex(ranges) ? 1 : 0);
  }

  /** Loads the real program and attaches it to loopback for a moment. */
  async probe(): Promise<string | undefined> {
    const tooOld = kernelRefusal(this.#variant.hook === Hook.TCX ? MIN_TCX_KERNEL : MIN_KERNEL);
    if (tooOld !== undefined) return tooOld;
    if (this.#options.tellsVlans === true) return "counts an address alike in all VLANs";
    const { ranges, maxAddresses, zonings, accounts, siblings = 1 } = this.#options;
    const refusal = accounts === undefined ? undefined : accountRefusal(accounts, siblings);
    if (refusal !== undefined) return refusal;
    const ledger = new Ledger(ranges, maxAddresses, zonings, { accounts });
    try {
      const counting = this.#load(LOOPBACK, ledger.interface(LOOPBACK.name), 1);
      try {
        for (const fd of await this.#variant.attach(LOOPBACK, counting.programFd!)) void libc.closeInBackground(fd);
      } finally {
        close(counting);
      }
      return undefined;
    } catch (error) {
      this.#finders.close();
      this.#shared?.close();
      this.#shared = undefined;
      return messageOf(error);
    } finally {
      ledger.forget(LOOPBACK.name);
    }
  }

  async open(link: Link, ledger: InterfaceLedger, siblings: number): Promise<Engine> {
    const counting = this.#takeIdle(link, ledger) ?? this.#load(link, ledger, siblings + this.#idle.size);
    try {
      const attached = await this.#variant.attach(link, counting.programFd!);
      if (!this.#options.isFixed) closeProgram(counting);
      return new KernelEngine(this, link, ledger, counting, attached);
    } catch (error) {
      this.keep(counting);
      throw error;
    }
  }

  reranged(ranges: RangeTable, maxAddresses: number): KernelKind {
    return new KernelKind(this.#variant, { ...this.#options, ranges, maxAddresses }, this.#finders);
  }

  /** What counts by the rules of this kind and waits for a ledger, to take the place of what counts for `ledger` now. */
  prepare(link: Link, ledger: InterfaceLedger, siblings: number): Counting {
    const counting = this.#load(link, ledger, siblings);
    setLedger(counting, undefined);
    return counting;
  }

  /** Has packets come to what was prepared. Throws PromtapError. */
  replace({ name }: Link, attached: readonly number[], counting: Counting): void {
    const result = this.#variant.replace(attached, counting.programFd!);
    if (result < 0) throw new PromtapError(ErrorCode.HOST, `couldn't open ${name}: ${libc.errnoText(result)}`);
    if (!this.#options.isFixed) closeProgram(counting);
  }

  settled(): Promise<void> {
    return untilProgramsEnd();
  }

  /** Gives up what no engine uses; engines that are left need no more. */
  close(): void {
    for (const counting of this.#idle.values()) close(counting);
    this.#idle.clear();
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
    const sizes = tableSizes(this.#options.ranges, this.#places, this.#options.maxAddresses, siblings, cpus, realtime);
    const tables = new KernelTables(this.#options.ranges, this.#places, ledger, this.#shared, sizes);
    const options = {
      hook: this.#variant.hook,
      isEthernet,
      ignoreOutgoing: link.isLoopback,
      wireSizes: this.#options.wireSizes,
      opensTunnels: this.#options.opensTunnels,
      zones: [] as ZoneCounters[],
      accounts: undefined as AccountCounters | undefined,
    };
    try {
      for (const zones of ledger.zones) {
        options.zones.push(new ZoneCounters(this.#finders.zones(zones.zoning), zones, sharing));
      }
      if (ledger.accounts !== undefined) {
        const finder = this.#finders.accounts(ledger.accounts.accounts);
        options.accounts = new AccountCounters(finder, ledger.accounts, sharing);
      }
      const programFd = loadProgram(options, this.#options.ranges, this.#places, tables);
      tables.closeDescriptors();
      for (const counters of options.zones) counters.closeDescriptors();
      options.accounts?.closeDescriptors();
      const { zones, accounts } = options;
      return { interfaceName: ledger.name, tables, zones, accounts, programFd, isEthernet };
    } catch (error) {
      tables.close();
      for (const counters of options.zones) counters.close();
      options.accounts?.close();
      throw error;
    }
  }
}

function closeProgram(counting: Counting): void {
  if (counting.programFd !== undefined) libc.close(counting.programFd);
  counting.programFd = undefined;
}

function close(counting: Counting): void {
  closeProgram(counting);
  counting.tables.close();
  for (const counters of counting.zones) counters.close();
  counting.accounts?.close();
}

function sync({ tables, zones, accounts }: Counting): void {
  // Before the tables: what comes in meanwhile may be of the interface and of no zone yet, but not the other way round.
  for (const counters of zones) counters.sync();
  accounts?.sync();
  tables.sync();
}

/** Counts into another ledger from now on, or without one into none until there is one. */
function retarget(counting: Counting, ledger: InterfaceLedger | undefined): void {
  sync(counting);
  setLedger(counting, ledger);
}

function setLedger(counting: Counting, ledger: InterfaceLedger | undefined): void {
  for (const [index, counters] of counting.zones.entries()) counters.retarget(ledger?.zones[index]);
  counting.accounts?.retarget(ledger?.accounts);
  counting.tables.retarget(ledger);
  if (ledger !== undefined) counting.interfaceName = ledger.name;
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
    retarget(this.#counting, ledger);
    this.#ledger = ledger ?? this.#ledger;
  }

  renew(kind: EngineKind, siblings: number): Renewal | undefined {
    if (!(kind instanceof KernelKind)) return undefined;
    const next = kind.prepare(this.#link, this.#ledger, siblings);
    return {
      begin: () => kind.replace(this.#link, this.#attached, next),
      finish: () => {
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
    await Promise.all(this.#attached.map(libc.closeInBackground));
    this.sync();
    this.#isOpen = false;
    // Without a ledger: what waits for one is not for the interface that the counting serves next.
    this.#counting.tables.discard();
    for (const counters of this.#counting.zones) counters.discard();
    this.#counting.accounts?.discard();
    this.#kind.keep(this.#counting);
  }
}
