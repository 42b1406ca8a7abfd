import { parentPort, workerData } from "node:worker_threads";

/** Answers with lists in lists, as many as it is given; with nothing if that is none. */
const depth = workerData as number;
let answer: unknown[] = [];
for (let level = 1; level < depth; level++) answer = [answer];
if (depth > 0) parentPort!.postMessage(answer);
