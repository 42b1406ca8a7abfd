/**
 * Runs all tests, by the built program. Files with a test that failed run once more, one at a time: what time alone
 * undid on a busy machine passes then. What fails twice fails the run, and so do more than a few files.
 */
import { relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { root } from "./project.ts";

const TEST_TIMEOUT_MS = 600_000;
const RUN_TIMEOUT_MS = 1_500_000;
/** More than the cores of a small machine: many tests wait for timers and for other programs. */
const CONCURRENCY = 3;
const MAX_REPEATED_FILES = 5;

/** `file` may be a helper of the tests; `entryFile` is what was run, and not in the types yet. */
interface Failure {
  readonly entryFile?: string;
  readonly file?: string;
  readonly name: string;
}

/** Test files, and how many run at a time. */
interface Selection {
  readonly globPatterns?: string[];
  readonly files?: string[];
  readonly concurrency: number;
}

const all = await failingFiles({ globPatterns: ["test/**/*.test.ts"], concurrency: CONCURRENCY });
if (all.length > 0 && all.length <= MAX_REPEATED_FILES) {
  console.log(`\nOnce more, one at a time: ${list(all)}\n`);
  const again = await failingFiles({ files: all, concurrency: 1 });
  console.log(again.length === 0 ? `\nFailed at first, passed alone: ${list(all)}` : `\nFailed twice: ${list(again)}`);
  process.exitCode = again.length === 0 ? 0 : 1;
} else {
  process.exitCode = all.length === 0 ? 0 : 1;
}

/** Runs tests and prints what they say; returns the files of which something failed. */
async function failingFiles(selection: Selection): Promise<string[]> {
  const failing = new Set<string>();
  const signal = AbortSignal.timeout(RUN_TIMEOUT_MS);
  const events = run({ ...selection, cwd: root, timeout: TEST_TIMEOUT_MS, signal });
  events.on("test:fail", ({ entryFile, file, name }: Failure) => void failing.add(entryFile ?? file ?? name));
  for await (const text of events.compose(spec)) process.stdout.write(text);
  return [...failing].toSorted();
}

function list(files: readonly string[]): string {
  return files.map((file) => relative(root, file)).join(", ");
}
