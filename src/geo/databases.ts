import { ErrorCode, PromtapError } from "../errors.ts";
import { ChangingFile, type FileKind } from "../files/changing-file.ts";
import { GeoDatabase } from "./database.ts";
import type { AutonomousSystem, Country } from "./records.ts";

/** What the database that the binary carries is called, and whom to thank for it. */
const CARRIED_NAME = "built-in";
const CARRIED_ATTRIBUTION = "IPtoASN (iptoasn.com), by ip-location-db, PDDL 1.0";

/** Many times what any database of countries or ASes takes. */
const MAX_BYTES = 2 ** 30;

/** Told when a file was read again, or could not be: `error` says why the one before stays in use. */
export type ReloadListener = (path: string, error: string | undefined) => void;

/** A database in use; `isCurrent` is false if its file changed and holds none that is sound any more. */
export interface DatabaseState {
  readonly database: GeoDatabase;
  readonly isCurrent: boolean;
}

/**
 * All databases in use, and what they tell of an address together: the first that knows it has the word. They are the
 * files given, and the one carried if none of those has countries.
 */
export class GeoDatabases {
  readonly #files: readonly ChangingFile<GeoDatabase>[];
  readonly #carried: GeoDatabase | undefined;
  #withCountries: readonly GeoDatabase[] = [];
  #withSystems: readonly GeoDatabase[] = [];
  #generation = 0;
  #reloading: Promise<void> | undefined;

  private constructor(files: readonly ChangingFile<GeoDatabase>[], carried: GeoDatabase | undefined) {
    this.#files = files;
    this.#carried = carried;
    this.#arrange();
  }

  /**
   * Opens the files, and what `readCarried` gives if it is needed. Throws PromtapError if one is not sound.
   * `onReload` is told what becomes of files that change. `takesRegistered`: an address without a country is in that in
   * which its network is registered.
   */
  static async open(
    paths: readonly string[],
    readCarried: () => Uint8Array | undefined,
    onReload: ReloadListener,
    takesRegistered = false,
  ): Promise<GeoDatabases> {
    const kind = databaseFile(takesRegistered);
    const files = await Promise.all(
      paths.map((path) => ChangingFile.open(path, kind, (error) => onReload(path, error))),
    );
    if (files.some(({ value }) => value.contents.hasCountries)) return new GeoDatabases(files, undefined);
    const bytes = readCarried();
    if (bytes === undefined) {
      throw new PromtapError(ErrorCode.HOST, "this build carries no countries; give a file of them with --geoip-db");
    }
    return new GeoDatabases(files, await GeoDatabase.open(CARRIED_NAME, bytes, CARRIED_ATTRIBUTION));
  }

  /** Goes up whenever a database was replaced: what was derived from it has to be derived again. */
  get generation(): number {
    return this.#generation;
  }

  get hasCountries(): boolean {
    return this.#withCountries.length > 0;
  }

  get hasSystems(): boolean {
    return this.#withSystems.length > 0;
  }

  /** In the order in which they are asked. */
  states(): DatabaseState[] {
    const carried = this.#carried === undefined ? [] : [{ database: this.#carried, isCurrent: true }];
    return [...this.#files.map(({ value, isCurrent }) => ({ database: value, isCurrent })), ...carried];
  }

  /** Reads the files that changed; a file that is not sound changes nothing. Throws nothing. */
  async reload(): Promise<void> {
    this.#reloading ??= this.#refresh().finally(() => (this.#reloading = undefined));
    await this.#reloading;
  }

  /** `address`: four words, IPv4 mapped. Hot; does not allocate once the country was met. */
  countryOf(address: Uint32Array): Country | undefined {
    for (const database of this.#withCountries) {
      const country = database.countryAt(database.tree.find(address));
      if (country !== undefined) return country;
    }
    return undefined;
  }

  /** The continent of an address whose country none knows. `address`: four words, IPv4 mapped. */
  continentOf(address: Uint32Array): string | undefined {
    for (const database of this.#withCountries) {
      const continent = database.continentAt(database.tree.find(address));
      if (continent !== undefined) return continent;
    }
    return undefined;
  }

  /** `address`: four words, IPv4 mapped. Hot; does not allocate once the system was met. */
  systemOf(address: Uint32Array): AutonomousSystem | undefined {
    for (const database of this.#withSystems) {
      const system = database.systemAt(database.tree.find(address));
      if (system !== undefined) return system;
    }
    return undefined;
  }

  async #refresh(): Promise<void> {
    const changes = await Promise.all(this.#files.map((file) => file.refresh()));
    if (!changes.includes(true)) return;
    this.#arrange();
    this.#generation++;
  }

  #arrange(): void {
    const databases = this.states().map(({ database }) => database);
    this.#withCountries = databases.filter(({ contents }) => contents.hasCountries);
    this.#withSystems = databases.filter(({ contents }) => contents.hasSystems);
  }
}

function databaseFile(takesRegistered: boolean): FileKind<GeoDatabase> {
  return {
    maxBytes: MAX_BYTES,
    async parse(path, bytes, before) {
      const database = await GeoDatabase.open(path, bytes, "", takesRegistered);
      if (before !== undefined) refuseLess(before, database);
      return database;
    },
  };
}

/** A file that was taken for the other kind by mistake would empty the page without a word. */
function refuseLess(before: GeoDatabase, after: GeoDatabase): void {
  const lost = [
    ...(before.contents.hasCountries && !after.contents.hasCountries ? ["countries"] : []),
    ...(before.contents.hasSystems && !after.contents.hasSystems ? ["AS numbers"] : []),
  ];
  if (lost.length === 0) return;
  const what = `${after.name}: it has no ${lost.join(" and ")}, which it had before; its type is ${after.type || "not named"}`;
  throw new PromtapError(ErrorCode.HOST, `couldn't use ${what}`);
}
