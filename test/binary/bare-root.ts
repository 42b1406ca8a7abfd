import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { TemporaryFolder } from "../support/temporary-folder.ts";

/** The binary under test. It has to be built before: a stale one would prove nothing, so no test builds it. */
export const BINARY = resolve(import.meta.dirname, "../../dist/promtap");

/** Everything besides itself that the binary may need from a machine. */
const LIBRARIES = /\/(ld-linux-[\w-]+\.so\.\d|lib(c|m|dl|pthread|stdc\+\+|gcc_s)\.so\.\d+)$/;

/** A root directory that holds the binary, the libraries it is linked with, and an empty /proc, /run and /tmp; no shell. */
export class BareRoot implements Disposable {
  readonly #folder: TemporaryFolder = new TemporaryFolder();

  constructor() {
    const listed = execFileSync("ldd", [BINARY], { encoding: "utf8" });
    const libraries = [...listed.matchAll(/\/\S+/g)].map(([path]) => path);
    for (const path of libraries) {
      if (!LIBRARIES.test(path)) throw new Error(`the binary needs a library that many machines lack: ${path}`);
      mkdirSync(join(this.path, dirname(path)), { recursive: true });
      copyFileSync(path, join(this.path, path));
    }
    copyFileSync(BINARY, join(this.path, "promtap"));
    for (const name of ["proc", "run", "tmp"]) mkdirSync(join(this.path, name));
    chmodSync(this.path, 0o755);
  }

  get path(): string {
    return this.#folder.path;
  }

  /** Every path inside, to see that nothing is left behind. */
  list(): string[] {
    return readdirSync(this.path, { recursive: true, encoding: "utf8" }).sort();
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
