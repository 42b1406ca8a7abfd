import type { InterfaceLedger } from "../../ledger/interface-ledger.ts";
import * as libc from "../../native/libc.ts";
import type { KernelTables } from "./tables/kernel-tables.ts";
import type { AccountCounters } from "./zones/account-counters.ts";
import type { Finders } from "./zones/finders.ts";
import type { ZoneCounters } from "./zones/zone-counters.ts";

/** A program and its tables, made for one interface. */
export interface Counting {
  /** What the interface was called last, of the names that are counted for. */
  interfaceName: string;
  tables: KernelTables;
  /** What zones, accounts and VLANs are found with. */
  finders: Finders;
  zones: readonly ZoneCounters[];
  accounts: AccountCounters | undefined;
  /** Undefined if what the program is attached to is all that holds it. */
  programFd: number | undefined;
  isEthernet: boolean;
}

/** What the program is attached to has to hold it from then on. */
export function closeProgram(counting: Counting): void {
  if (counting.programFd !== undefined) libc.close(counting.programFd);
  counting.programFd = undefined;
}

/** Gives all memory back; nothing may be attached any more. */
export function close(counting: Counting): void {
  closeProgram(counting);
  counting.tables.close();
  for (const counters of counting.zones) counters.close();
  counting.accounts?.close();
  counting.finders.leave();
}

/** Brings the ledger up to date. */
export function sync({ tables, zones, accounts }: Counting): void {
  // Before the tables: what comes in meanwhile may be of the interface and of no zone yet, but not the other way round.
  for (const counters of zones) counters.sync();
  accounts?.sync();
  tables.sync();
}

/** Counts into another ledger from now on, or without one into none until there is one. */
export function retarget(counting: Counting, ledger: InterfaceLedger | undefined): void {
  sync(counting);
  setLedger(counting, ledger);
}

/** Likewise, without what was counted so far. */
export function setLedger(counting: Counting, ledger: InterfaceLedger | undefined): void {
  for (const counters of counting.zones) counters.retarget(ledger?.zonesOf(counters.zones.zoning));
  counting.accounts?.retarget(ledger?.accountsOf(counting.accounts.accounts));
  counting.tables.retarget(ledger);
  if (ledger !== undefined) counting.interfaceName = ledger.name;
}
