/** Stands for the slot of a rule that is not counted. */
export const NOT_COUNTED = -1;

/** What the rules of a chain count for, in their order. */
export interface ChainOrder {
  /** Slot of the chain itself. */
  readonly slot: number;
  /** Slots of the rules, or NOT_COUNTED. */
  readonly slots: number[];
}

/** The chains that a program told of, by key. */
export type Order = Map<string, ChainOrder>;

/** The order of a chain; made, with this slot, if it is not there yet. */
export function orderOf(order: Order, key: string, slot: number): ChainOrder {
  const known = order.get(key);
  if (known !== undefined) return known;
  const chain = { slot, slots: [] };
  order.set(key, chain);
  return chain;
}
