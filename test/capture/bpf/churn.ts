import { once } from "node:events";
import { Worker, workerData } from "node:worker_threads";
import { hex, IPV4, IPV6, MACS } from "../../packet/frames.ts";
import { behindEthernet, testRun } from "./test-run.ts";

/** Addresses in all, and how many of them send at the same time. */
export const HOSTS = 1200;
const ACTIVE = 60;
/** How often each shows its frame while it is active, and how often all of them have their turn. */
const TIMES = 30;
const ROUNDS = 4;
/** Frames that one sender shows. */
export const SHOWN = HOSTS * TIMES * ROUNDS;

const ETHERNET_BYTES = 14;
/** What is told apart: hosts by address, or by VLAN. */
export type By = keyof typeof HEADERS;
/** The two bytes of the source address, or of the tag, in a frame behind an Ethernet header. */
const HOST_BYTES = { 4: 2 * ETHERNET_BYTES + 14, 6: 2 * ETHERNET_BYTES + 22, vlan: 2 * ETHERNET_BYTES } as const;
const HEADERS = {
  4: `${MACS} 0800 ${IPV4}`,
  6: `${MACS} 86dd ${IPV6}`,
  vlan: `${MACS} 8100 0000 0800 ${IPV4}`,
} as const;
/** Of the link. */
const HEADER_BYTES = { 4: ETHERNET_BYTES, 6: ETHERNET_BYTES, vlan: ETHERNET_BYTES + 4 } as const;

/** Bytes of the packets of a host, of which no other host has as many. */
export function bytesOf(by: By, host: number): number {
  return hex(HEADERS[by]).length - HEADER_BYTES[by] + host;
}

/** Two threads that show a program frames of some addresses, then of others, and so on. */
export class Churn {
  readonly #threads: Worker[];
  #running = 2;

  constructor(programFd: number, by: By) {
    this.#threads = [0, 1].map(
      (me) => new Worker(import.meta.filename, { workerData: { programFd, by, churner: me } }),
    );
    for (const thread of this.#threads) void once(thread, "exit").then(() => this.#running--);
  }

  get isRunning(): boolean {
    return this.#running > 0;
  }
}

function run({ programFd, by, churner }: { programFd: number; by: By; churner: number }): void {
  const frames = Array.from({ length: HOSTS }, (_, host) => {
    const frame = new Uint8Array(ETHERNET_BYTES + HEADER_BYTES[by] + bytesOf(by, host));
    frame.set(behindEthernet(hex(HEADERS[by])));
    frame[HOST_BYTES[by]] = host >> 8;
    frame[HOST_BYTES[by] + 1] = host & 0xff;
    return frame;
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (let first = 0; first < HOSTS; first += ACTIVE) {
      // The one goes forwards while the other goes backwards, so that they meet and part.
      for (let k = 0; k < ACTIVE * TIMES; k++) {
        const host = first + (churner === 0 ? k % ACTIVE : ACTIVE - 1 - (k % ACTIVE));
        testRun(programFd, frames[host]!, { repeat: 1 });
      }
    }
  }
}

if (workerData?.churner !== undefined) run(workerData);
