import koffi from "koffi";

const RLIMIT_NOFILE = 7;
const prlimit = koffi
  .load("libc.so.6")
  .func("int prlimit(int pid, int resource, const uint64_t *limits, _Inout_ uint64_t *before)");

/** Bounds how many files this process may have open, by its soft limit, until it is disposed of. */
export class FileLimit implements Disposable {
  readonly #before = new BigUint64Array(2);

  constructor(count: number) {
    prlimit(0, RLIMIT_NOFILE, null, this.#before);
    prlimit(0, RLIMIT_NOFILE, new BigUint64Array([BigInt(count), this.#before[1]!]), null);
  }

  [Symbol.dispose](): void {
    prlimit(0, RLIMIT_NOFILE, this.#before, null);
  }
}
