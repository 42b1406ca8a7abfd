import { setImmediate as nextTurn } from "node:timers/promises";
import { LabelList } from "../../page/label-list.ts";
import { labelText } from "../../page/labels.ts";
import type { Counts } from "./counts.ts";
import type { Chain, ReadOptions, RuleBook } from "./rule-book.ts";

/** Rows that are made before the event loop gets its turn: a few milliseconds. */
const ROWS_PER_TURN = 2048;
const FIRST_ROWS = 64;
const FIRST_BYTES = 4096;

/** Lines of a family, without their values: labels, and the place of the value. */
export class RowList {
  readonly labels = new LabelList(FIRST_ROWS, FIRST_BYTES);
  /** By row: a slot of the counts, or the value itself. */
  readonly numbers: number[] = [];

  add(labels: string, number: number): void {
    this.labels.append(labels);
    this.numbers.push(number);
  }
}

/** The labels of a chain as text; a further label goes between the two. */
export type ChainLabels = (chain: Chain) => readonly [before: string, after: string];

/** How a backend is read, and how it is shown. */
export interface LabelOptions extends ReadOptions {
  readonly chainLabels: ChainLabels;
}

/** The lines of a backend's chains and rules, which stay the same as long as those do. */
export class Rows {
  /** How many rules each chain has. */
  readonly chains = new RowList();
  /** Slots of the chains that have policies. */
  readonly policies = new RowList();
  /** Slots of the rules. */
  readonly rules = new RowList();
  /** How many rules have the same text, if there are several. */
  readonly copies = new RowList();

  private constructor() {}

  static async of(book: RuleBook, labelsOf: ChainLabels): Promise<Rows> {
    const rows = new Rows();
    let added = 0;
    for (const chain of book.chains()) {
      const [before, after] = labelsOf(chain);
      rows.chains.add(`${before}${after}`, chain.ruleCount);
      const policyLabel = labelText("policy", chain.policy ?? "");
      if (chain.policy !== null) rows.policies.add(`${before},${policyLabel}${after}`, chain.slot);
      for (const [text, { slot, copies, comment }] of chain.rules) {
        const commentLabel = comment === "" ? "" : `,${labelText("comment", comment)}`;
        const labels = `${before},${labelText("rule", text)}${commentLabel}${after}`;
        rows.rules.add(labels, slot);
        if (copies > 1) rows.copies.add(labels, copies);
        if (++added % ROWS_PER_TURN === 0) await nextTurn();
      }
    }
    return rows;
  }
}

/** What a backend counts. */
export interface Content {
  readonly rows: Rows;
  readonly counts: Counts;
  /** Lines or objects that could not be read. */
  readonly unreadable: number;
  /** Rules that are summed as "other". */
  readonly refused: number;
}
