import { Customers } from "../../src/customers/customers.ts";
import { tablesOf } from "../../src/customers/customer-tables.ts";
import { sweepPrefixes } from "../../src/customers/prefix-sweep.ts";
import { parseRange } from "../../src/config/range-syntax.ts";
import type { MakeRoom } from "../../src/ledger/zones/zoning.ts";
import { type Listed, setOf } from "./prefix-sets.ts";

/** Prefix → labels of its customer. */
export type Book = Readonly<Record<string, Listed["labels"]>>;

/** Customers, ready to be counted; of so many there may be later. */
export async function customersOf(
  book: Book,
  limit = 1_000_000,
  expected = Object.keys(book).length,
): Promise<Customers> {
  const customers = new Customers(expected, limit);
  await useBook(customers, book);
  return customers;
}

/** Returns why it can't be used. */
export async function useBook(customers: Customers, book: Book, makeRoom?: MakeRoom): Promise<string | undefined> {
  const set = setOf(listOf(book));
  const taken = await customers.use([set], tablesOf(sweepPrefixes(set)), makeRoom);
  if (typeof taken === "string") return taken;
  taken.commit();
  return undefined;
}

export function listOf(book: Book): Listed[] {
  return Object.entries(book).map(([text, labels]) => {
    const { version, first, last } = parseRange(text);
    return { version, first, bits: (version === 4 ? 33 : 129) - (last - first + 1n).toString(2).length, labels };
  });
}
