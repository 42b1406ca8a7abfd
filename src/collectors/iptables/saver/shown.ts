import type { Order } from "../kernel/order.ts";
import { placeKey } from "../rule-book.ts";

/** Which tables and chains a dump has. */
export class Shown {
  readonly family: string;
  readonly tables = new Set<string>();
  /** Tables with chains that the program can't show. */
  readonly partial = new Set<string>();
  readonly order: Order = new Map();

  constructor(family: string) {
    this.family = family;
  }

  /** Whether it has all of this table. */
  hasTable(table: string): boolean {
    return this.tables.has(table) && !this.partial.has(table);
  }

  hasChain(table: string, chain: string): boolean {
    return this.order.has(placeKey(this.family, table, chain));
  }
}
