import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { Worker, workerData } from "node:worker_threads";
import { DISPENSER } from "../../../src/capture/bpf/layout.ts";
import * as libc from "../../../src/native/libc.ts";
import { hex, IPV4, IPV6, MACS } from "../../packet/frames.ts";
import { behindEthernet, testRun } from "./test-run.ts";

/** Addresses that both CPUs see for the first time at the same time. */
const HOSTS = 4000;
const ETHERNET_BYTES = 14;
/**
 * Last two bytes of the source address, or those of the tag, behind the Ethernet header that `behindEthernet` adds and the
 * frame's own.
 */
const HOST_BYTES = { 4: 2 * ETHERNET_BYTES + 14, 6: 2 * ETHERNET_BYTES + 22, vlan: 2 * ETHERNET_BYTES } as const;
const FRAMES = { 4: `0800 ${IPV4}`, 6: `86dd ${IPV6}`, vlan: `8100 0000 0800 ${IPV4}` } as const;
/** Frames that each shows after the first, when the address is known. */
const MORE = 3;

export interface LockStep {
  programFd: number;
  /** What is new: an address of this version, or a VLAN. */
  fresh: keyof typeof FRAMES;
  /** The dispenser of which one number alone is left before every address: at an offset in the state. */
  scarce?: { stateFd: number; offset: number };
}

/** Shows a program the same new addresses from two threads, in lock step, with small delays to either side. */
export async function runInLockStep(options: LockStep): Promise<void> {
  const steps = new SharedArrayBuffer(8);
  const threads = [0, 1].map((me) => new Worker(import.meta.filename, { workerData: { ...options, me, steps } }));
  await Promise.all(threads.map((thread) => once(thread, "exit")));
}

function run({ programFd, fresh, scarce, me, steps }: LockStep & { me: number; steps: SharedArrayBuffer }): void {
  const step = new Int32Array(steps);
  let passed = 0;
  const meet = (): void => {
    passed++;
    Atomics.add(step, 0, 1);
    while (Atomics.load(step, 0) < 2 * passed);
  };
  const tickets = scarce === undefined ? undefined : ticketsOf(scarce);
  const frame = behindEthernet(hex(`${MACS} ${FRAMES[fresh]}`));
  for (let host = 0; host < HOSTS; host++) {
    frame[HOST_BYTES[fresh]] = host >> 8;
    frame[HOST_BYTES[fresh] + 1] = host & 0xff;
    meet();
    // Two CPUs may have taken a ticket each, and found that there is one.
    if (me === 0 && tickets !== undefined) tickets[1] = tickets[0]! + 1n;
    meet();
    for (let wait = host % 2 === me ? host % 37 : 0; wait > 0; wait--) Atomics.load(step, 1);
    testRun(programFd, frame, { repeat: 1 });
    meet();
    for (let count = 0; count < MORE; count++) testRun(programFd, frame, { repeat: 1 });
  }
}

function ticketsOf({ stateFd, offset }: NonNullable<LockStep["scarce"]>): BigUint64Array {
  const mapping = libc.mmap(stateFd, offset + DISPENSER.QUEUE);
  if (typeof mapping === "number") throw new Error(libc.errnoText(mapping));
  return new BigUint64Array(mapping.buffer, offset, 2);
}

if (workerData?.steps !== undefined) {
  try {
    // Of this thread alone: while others run, each step would cost a time slice.
    setPriority(constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Without CAP_SYS_NICE it does.
  }
  run(workerData);
}
