import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { PromtapError } from "../../src/errors.ts";
import { GeoDatabases } from "../../src/geo/databases.ts";
import { mmdb } from "../support/mmdb-writer.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { words } from "./addresses.ts";

const ADDRESS = words("192.0.2.1");

function countries(code: string): Uint8Array {
  return mmdb({ "192.0.2.0/24": { country_code: code } }, { type: `Country ${code}` });
}

function systems(asn: number): Uint8Array {
  return mmdb({ "192.0.2.0/24": { asn, name: "Example" } }, { type: "ASN" });
}

const carried = () => countries("XK");

/** Files in a folder, databases over them, and what was reported of them. */
class Site implements Disposable {
  readonly folder = new TemporaryFolder();
  readonly reports: [path: string, error: string | undefined][] = [];

  path(name: string): string {
    return join(this.folder.path, name);
  }

  write(name: string, bytes: Uint8Array): string {
    writeFileSync(this.path(name), bytes);
    return this.path(name);
  }

  /** Puts a file in the place of another in one step, the way that updaters do. */
  replace(name: string, bytes: Uint8Array): void {
    renameSync(this.write(`${name}.new`, bytes), this.path(name));
  }

  takesRegistered = false;

  async open(...names: readonly string[]): Promise<GeoDatabases> {
    const paths = names.map((name) => this.path(name));
    const report = (path: string, error: string | undefined): number => this.reports.push([path, error]);
    return GeoDatabases.open(paths, carried, report, this.takesRegistered);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

describe("of several databases", () => {
  test("the first that knows an address has the word", async () => {
    using site = new Site();
    site.write("a", mmdb({ "198.51.100.0/24": { country_code: "DE" } }));
    site.write("b", countries("FR"));
    site.write("c", mmdb({ "192.0.2.0/24": { country_code: "US" }, "198.51.100.0/24": { country_code: "US" } }));
    const databases = await site.open("a", "b", "c");
    assert.equal(databases.countryOf(ADDRESS)?.code, "FR");
    assert.equal(databases.countryOf(words("198.51.100.1"))?.code, "DE");
    assert.equal(databases.countryOf(words("203.0.113.1")), undefined);
  });

  test("one that knows the country has the word before one that knows the continent alone", async () => {
    using site = new Site();
    const continents = {
      "192.0.2.0/24": { continent: { code: "AS" } },
      "203.0.113.0/24": { continent: { code: "AF" } },
    };
    site.write("a", mmdb({ ...continents, "198.51.100.0/24": { country_code: "DE" } }));
    site.write("b", countries("FR"));
    const databases = await site.open("a", "b");
    assert.equal(databases.countryOf(ADDRESS)?.code, "FR");
    assert.equal(databases.countryOf(words("203.0.113.1")), undefined);
    assert.equal(databases.continentOf(words("203.0.113.1")), "AF");
    assert.equal(databases.continentOf(words("192.88.99.1")), undefined);
  });

  test("registrations count for all of them, and after a reload, if they are asked for", async () => {
    using site = new Site();
    site.takesRegistered = true;
    site.write("a", mmdb({ "192.0.2.0/24": { registered_country: { iso_code: "AU" } } }));
    const databases = await site.open("a");
    assert.equal(databases.countryOf(ADDRESS)?.code, "AU");
    site.replace("a", mmdb({ "192.0.2.0/24": { registered_country: { iso_code: "NZ" } } }));
    await databases.reload();
    assert.equal(databases.countryOf(ADDRESS)?.code, "NZ");
  });

  test("the one carried is used if none of the files has countries", async () => {
    using site = new Site();
    site.write("asn", systems(64_500));
    const databases = await site.open("asn");
    assert.equal(databases.countryOf(ADDRESS)?.code, "XK");
    assert.deepEqual(databases.systemOf(ADDRESS), { number: 64_500, name: "Example" });
    assert.deepEqual(
      databases.states().map(({ database }) => database.name),
      [site.path("asn"), "built-in"],
    );
    site.write("country", countries("FR"));
    const all = await site.open("asn", "country");
    assert.equal(all.countryOf(ADDRESS)?.code, "FR");
    assert.equal(all.states().length, 2);
  });

  test("none need have AS numbers", async () => {
    using site = new Site();
    const databases = await site.open();
    assert.deepEqual([databases.hasCountries, databases.hasSystems], [true, false]);
    assert.equal(databases.systemOf(ADDRESS), undefined);
  });
});

describe("at the start", () => {
  test("a file that is missing, a folder or a named pipe is refused by name", { timeout: 10_000 }, async () => {
    using site = new Site();
    execFileSync("mkfifo", [site.path("pipe")]);
    for (const [name, reason] of [
      ["missing", "no such file or directory"],
      [".", "it is not a regular file"],
      ["pipe", "it is not a regular file"],
    ] as const) {
      await assert.rejects(site.open(name), (error) => {
        assert.ok(error instanceof PromtapError);
        assert.equal(error.message, `couldn't use ${site.path(name)}: ${reason}`);
        assert.equal(error.exitStatus, 1);
        return true;
      });
    }
  });

  test("a build without a database says so", async () => {
    const opening = GeoDatabases.open(
      [],
      () => undefined,
      () => {},
    );
    await assert.rejects(opening, /carries no countries; give a file of them with --geoip-db$/);
  });
});

describe("a file that changes", () => {
  test("is read again, and the generation goes up", async () => {
    using site = new Site();
    site.write("a", countries("DE"));
    const databases = await site.open("a");
    await databases.reload();
    assert.equal(databases.generation, 0);
    site.replace("a", countries("FR"));
    assert.equal(databases.countryOf(ADDRESS)?.code, "DE", "not before it is asked for");
    await databases.reload();
    assert.equal(databases.countryOf(ADDRESS)?.code, "FR");
    assert.equal(databases.generation, 1);
    assert.deepEqual(site.reports, [[site.path("a"), undefined]]);
    await databases.reload();
    assert.equal(databases.generation, 1);
  });

  test("is read again when it is written over in place, and when a link leads elsewhere", async () => {
    using site = new Site();
    site.write("a", countries("DE"));
    site.write("b", systems(1));
    symlinkSync("a", site.path("link"));
    const databases = await site.open("link");
    site.write("a", mmdb({ "192.0.2.0/24": { country_code: "FR" }, "198.51.100.0/24": { country_code: "FR" } }));
    await databases.reload();
    assert.equal(databases.countryOf(ADDRESS)?.code, "FR");
    site.write("c", countries("IT"));
    symlinkSync("c", site.path("link.new"));
    renameSync(site.path("link.new"), site.path("link"));
    await databases.reload();
    assert.equal(databases.countryOf(ADDRESS)?.code, "IT");
    assert.equal(databases.generation, 2);
  });

  test("leaves the one before in use if it is broken, cut short or gone, until it is sound again", async () => {
    using site = new Site();
    site.write("a", countries("DE"));
    const databases = await site.open("a");
    const path = site.path("a");
    const breakages: [(path: string) => void, RegExp][] = [
      [(at) => truncateSync(at, countries("DE").length - 1), /cut short/],
      [() => site.replace("a", Buffer.from("<html>rate limit exceeded</html>")), /it is no MaxMind DB file/],
      [(at) => truncateSync(at, 0), /it is no MaxMind DB file/],
      [(at) => rmSync(at), /no such file or directory/],
    ];
    for (const [damage, reason] of breakages) {
      site.reports.length = 0;
      damage(path);
      for (let scrape = 0; scrape < 3; scrape++) await databases.reload();
      assert.equal(databases.countryOf(ADDRESS)?.code, "DE");
      assert.equal(databases.states()[0]?.isCurrent, false);
      assert.ok(site.reports.length <= 1, "told once");
      for (const [, error] of site.reports) assert.match(error!, reason);
    }
    assert.match(site.reports[0]![1]!, /no such file or directory/);
    assert.equal(databases.generation, 0);
    site.replace("a", countries("FR"));
    await databases.reload();
    assert.equal(databases.countryOf(ADDRESS)?.code, "FR");
    assert.equal(databases.states()[0]?.isCurrent, true);
    assert.deepEqual(site.reports.at(-1), [path, undefined]);
  });

  test("leaves the one before in use if it was swapped for one of another kind", async () => {
    using site = new Site();
    site.write("country", countries("DE"));
    site.write("asn", systems(64_500));
    const databases = await site.open("country", "asn");
    site.replace("country", systems(64_501));
    site.replace("asn", countries("FR"));
    await databases.reload();
    assert.equal(databases.countryOf(ADDRESS)?.code, "DE");
    assert.equal(databases.systemOf(ADDRESS)?.number, 64_500);
    assert.deepEqual(
      site.reports.map(([, error]) => error?.replace(/^couldn't use \S+: /, "")).toSorted((a, b) => (a! < b! ? -1 : 1)),
      [
        "it has no AS numbers, which it had before; its type is Country FR",
        "it has no countries, which it had before; its type is ASN",
      ],
    );
  });

  test("is read once, however many ask at the same time", async () => {
    using site = new Site();
    site.write("a", countries("DE"));
    const databases = await site.open("a");
    site.replace("a", countries("FR"));
    await Promise.all([databases.reload(), databases.reload(), databases.reload()]);
    assert.equal(databases.generation, 1);
    assert.equal(site.reports.length, 1);
  });
});
