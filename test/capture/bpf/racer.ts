import { once } from "node:events";
import { hex, IPV4, IPV6, MACS } from "../../packet/frames.ts";
import { behindEthernet, testRun } from "./test-run.ts";

/** How often a racer shows each frame to the program, and how often at once. */
export const ROUNDS = 20;
export const REPEAT = 20;
const HOSTS = 500;
/** Where a racer finds the program that it is given. */
const PROGRAM_FD = 3;

/** Frames of many addresses, so that racers meet at new ones again and again. */
export function racingFrames(): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let host = 0; host < HOSTS; host++) {
    const low = host.toString(16).padStart(4, "0");
    frames.push(hex(`${MACS} 0800 ${IPV4.replace("02 03", low)}`), hex(`${MACS} 86dd ${IPV6.replace("00 01", low)}`));
  }
  return frames;
}

if (import.meta.main) {
  process.stdout.write("ready");
  await once(process.stdin, "data");
  const frames = racingFrames().map((frame) => behindEthernet(frame));
  for (let round = 0; round < ROUNDS; round++) {
    for (const frame of frames) testRun(PROGRAM_FD, frame, { repeat: REPEAT });
  }
  process.exit();
}
