import { parentPort, workerData } from "node:worker_threads";
import { parseYaml } from "./parse.ts";
import type { Fault } from "./tree.ts";

function parsed(text: string): ReturnType<typeof parseYaml> {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { at: { line: 1, column: 1 }, why: "it is nested too deeply" } satisfies Fault;
  }
}

parentPort!.postMessage(parsed(workerData as string));
