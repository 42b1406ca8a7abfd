import type { Ledger } from "../../ledger/ledger.ts";
import { Differences } from "./differences.ts";
import type { RecordSource } from "./record-source.ts";

/** The right to write; of several, the one that was given first has it. */
export interface Turn extends Disposable {
  readonly isMine: boolean;
  /** What a ledger has counted since accounting began, and nobody has taken. */
  differencesOf(ledger: Ledger): Differences;
}

/**
 * What is to be written elsewhere, from one that writes to the next: what was taken by the one before, as when it takes
 * another's place because the configuration has changed, is not taken again.
 */
export class Accounting {
  readonly #received = new Set<RecordSource>();
  readonly #turns: Turn[] = [];
  #captured: Differences | undefined;

  /** Accounts what a ledger counts from now on: what it goes on from, the run before has written. */
  begin(ledger: Ledger): Differences {
    return (this.#captured ??= new Differences(ledger));
  }

  /** Adds flows that are received. */
  add(source: RecordSource): void {
    for (const each of this.#received) if (each.hasEnded && this.#turns.length === 0) this.#received.delete(each);
    this.#received.add(source);
  }

  received(): readonly RecordSource[] {
    return [...this.#received];
  }

  /** Forgets one that has ended, of which all has been taken. */
  forget(source: RecordSource): void {
    this.#received.delete(source);
  }

  takeTurn(): Turn {
    const turns = this.#turns;
    const turn: Turn = {
      get isMine() {
        return turns[0] === turn;
      },
      differencesOf: (ledger) => this.begin(ledger),
      [Symbol.dispose]: () => {
        turns.splice(turns.indexOf(turn), 1);
        if (turns.length > 0) return;
        this.#captured?.[Symbol.dispose]();
        this.#captured = undefined;
      },
    };
    turns.push(turn);
    return turn;
  }
}
