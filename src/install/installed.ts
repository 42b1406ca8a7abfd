import type { Machine, WantedFile } from "./machine.ts";
import { RECORDS, recordPath, servicePath } from "./places.ts";
import { readSums, sumOf, sumsText } from "./record.ts";

/** What was installed on a machine, as the records of its services say. */
export class Installed {
  readonly #machine: Machine;
  /** Service → path → sum. */
  readonly #records: ReadonlyMap<string, ReadonlyMap<string, string>>;

  private constructor(machine: Machine, records: ReadonlyMap<string, ReadonlyMap<string, string>>) {
    this.#machine = machine;
    this.#records = records;
  }

  static async read(machine: Machine): Promise<Installed> {
    const records = new Map<string, ReadonlyMap<string, string>>();
    for (const file of await machine.names(RECORDS)) {
      const [, name] = /^(.+)\.sha256$/.exec(file) ?? [];
      const content = name === undefined ? undefined : await machine.look(recordPath(name));
      if (name !== undefined && Buffer.isBuffer(content)) records.set(name, readSums(content.toString()));
    }
    return new Installed(machine, records);
  }

  /** Names of the services that are installed; of one that is gone, its configuration may be left. */
  get services(): string[] {
    return [...this.#records].flatMap(([name, sums]) => (sums.has(servicePath(name)) ? [name] : []));
  }

  /** Whether a service has installed a file of this sum there. */
  isKnown(path: string, sum: string): boolean {
    return [...this.#records.values()].some((record) => record.get(path) === sum);
  }

  /** The paths of a service's files. */
  pathsOf(name: string): string[] {
    return [...(this.#records.get(name)?.keys() ?? [])];
  }

  /** Whether another service than that one has a file of this path. */
  isShared(path: string, name: string): boolean {
    return [...this.#records].some(([other, sums]) => other !== name && sums.has(path));
  }

  /** The record of a service that has these files, and those it has already but the ones that `forget` names. */
  record(name: string, files: readonly WantedFile[], forget: (path: string) => boolean = () => false): WantedFile {
    const kept = [...(this.#records.get(name) ?? [])].filter(([path]) => !forget(path));
    const sums = new Map([...kept, ...files.map(({ path, content }) => [path, sumOf(content)] as const)]);
    return { path: recordPath(name), content: sumsText(sums) };
  }

  /** Why a file must be left alone: nobody knows it, or somebody has changed it; undefined: it is as it was installed. */
  async change(path: string): Promise<string | undefined> {
    const found = await this.#machine.look(path);
    if (found === undefined) return undefined;
    if (![...this.#records.values()].some((record) => record.has(path))) return `${path} was there before`;
    return Buffer.isBuffer(found) && this.isKnown(path, sumOf(found)) ? undefined : `${path} was changed by hand`;
  }
}
