import { messageOf } from "../../../src/errors.ts";
import { readSavefile } from "./counting.ts";

/*
 * Run as a process of its own: counts standard input and prints what came of it as JSON. With the argument `abort`, the
 * reading is aborted at once.
 */
const names: string[] = [];
let frames = 0;
let error = "";

const sinkFor = (name: string): { record(): void } => {
  names.push(name);
  return { record: () => void frames++ };
};
const signal = process.argv[2] === "abort" ? AbortSignal.timeout(0) : new AbortController().signal;
await readSavefile("-", { sinkFor, warn: console.error }, signal).catch((thrown: unknown) => {
  error = messageOf(thrown);
});
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ frames, names, error, peakBytes }));
