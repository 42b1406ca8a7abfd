import type { Rig } from "../rig/rig.ts";

/** What a program says it saw. */
export interface Counted {
  /** Packets of the benchmark's traffic. */
  packets: number;
  /** Packets it knows to have lost; undefined when it has no way to tell. */
  admittedLost: number | undefined;
}

/** A program that listens on the rig's interface. */
export interface Listener extends AsyncDisposable {
  readonly pid: number;
  /** Asks for the counts, once, when the program is quiet; may end it. */
  counted(): Promise<Counted>;
}

/** A program to be measured. */
export interface Program {
  readonly name: string;
  /** Why it can't run here, or false. */
  readonly unavailable: string | false;
  /** Starts it on the rig's interface; resolves when it listens. */
  start(rig: Rig): Promise<Listener>;
}
