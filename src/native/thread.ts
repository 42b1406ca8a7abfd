import { isSea } from "node:sea";
import { Worker } from "node:worker_threads";
import { readAsset } from "./asset.ts";

/** Far above what a million of anything needs; a bound for what a broken file may ask for. */
const MAX_HEAP_MB = 1024;

/**
 * Runs a module in a thread of its own, by its path in src/; the build makes an asset of it. What it throws is an error
 * of the worker.
 */
export function startThread(module: string, data: unknown): Worker {
  leaveFolderThatIsGone();
  const options = { workerData: data, resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } };
  if (!isSea()) return new Worker(new URL(`../${module}`, import.meta.url), options);
  const code = readAsset(module.replaceAll("/", "-").replace(/\.ts$/, ".cjs"));
  return new Worker(Buffer.from(code!).toString(), { ...options, eval: true });
}

/**
 * Runs a module in such a thread until it answers with a message. Throws what it throws, and if there is no answer: it ended
 * without one, or with one that can't be read, as what is nested thousands of times.
 */
export async function askThread<T>(module: string, data: unknown): Promise<T> {
  const worker = startThread(module, data);
  try {
    return await new Promise<T>((resolve, reject) => {
      worker.once("message", resolve).once("messageerror", reject).once("error", reject);
      worker.once("exit", () => reject(new Error("a thread has ended without an answer")));
    });
  } finally {
    await worker.terminate();
  }
}

/** No thread of Node's can begin there, and no path is relative to it any more. */
function leaveFolderThatIsGone(): void {
  try {
    // Node remembers where it is until it goes elsewhere.
    process.chdir(".");
    process.cwd();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") process.chdir("/");
  }
}
