import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { ConnectionsCollector } from "../../../src/collectors/connections/connections.ts";
import { NetworkSet } from "../../../src/collectors/connections/network-set.ts";
import { configOf } from "../../../src/daemon/config.ts";
import { GeoDatabases } from "../../../src/geo/databases.ts";
import { Format } from "../../../src/page/negotiation.ts";
import { makePage } from "../../../src/page/page.ts";
import { parseExposition } from "../../page/exposition-parser.ts";
import { mmdb, type MmdbValue } from "../../support/mmdb-writer.ts";
import { Page } from "../../support/page.ts";
import { lacking } from "../../support/requirements.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { FakeSockets } from "./sockets.ts";

const GOLDEN = resolve(import.meta.dirname, "../../golden/geoip.txt");
const BUILT = { buildEpoch: 1_780_000_000 };

const COUNTRIES: Record<string, MmdbValue> = {
  "192.0.2.0/24": { country: { iso_code: "DE" }, continent: { code: "EU" } },
  "198.51.100.0/24": { country_code: "US" },
  "2001:db8::/32": { country_code: "JP" },
  "10.1.0.0/16": { country_code: "FR" },
  "127.0.0.0/8": { country_code: "QQ" },
};
const SYSTEMS: Record<string, MmdbValue> = {
  "192.0.2.0/25": { autonomous_system_number: 64_500, autonomous_system_organization: 'Example "One"' },
  "192.0.2.128/25": { autonomous_system_number: 64_501, autonomous_system_organization: "Two\\Three\n" },
  "2001:db8::/32": { autonomous_system_number: 64_502 },
};

/** Sockets of all kinds that the page tells apart. */
const SOCKETS = [
  "listen :: 443",
  "listen 203.0.113.1 22",
  "established 203.0.113.1 443 192.0.2.1",
  "established 203.0.113.1 443 192.0.2.2",
  "established 203.0.113.1 50000 192.0.2.200",
  "established 203.0.113.1 22 198.51.100.1",
  "established 203.0.113.2 22 198.51.100.1",
  "established 2001:db8:1::1 443 2001:db8::7",
  "established 127.0.0.1 443 127.0.0.1",
  "established 127.0.0.1 50001 127.0.0.1",
  "established ::1 50001 ::1",
  "established 203.0.113.1 443 10.0.0.1",
  "established 203.0.113.1 443 10.1.0.1",
  "established 203.0.113.1 443 100.64.0.1",
  "established fe80::1 443 fe80::2",
  "established 203.0.113.1 443 203.0.113.99",
  "established 203.0.113.1 443 192.0.2.66",
  "time_wait 203.0.113.1 443 192.0.2.1",
  "new_syn_recv 203.0.113.1 443 198.51.100.2",
  "syn_recv 203.0.113.1 443 198.51.100.3",
  "close_wait 203.0.113.1 50002 198.51.100.3",
];

interface SiteOptions {
  /** Besides those above. */
  countries?: Record<string, MmdbValue>;
  sockets?: readonly string[];
  systems?: Record<string, MmdbValue>;
  exclude?: string;
  maxAsns?: number;
  /** What becomes of looking at the files again. */
  reload?: () => Promise<void>;
}

/** A collector over sockets and databases, which are named `countries` and `systems`. */
class Site implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly source: FakeSockets;
  readonly #options: SiteOptions;
  #collector: ConnectionsCollector | undefined;

  constructor(options: SiteOptions = {}) {
    this.#options = options;
    this.source = new FakeSockets(options.sockets ?? SOCKETS);
  }

  async text(format: Format = Format.TEXT, ms = 10_000): Promise<string> {
    this.#collector ??= await this.#open();
    let page = "";
    const families = await this.#collector.collect(performance.now() + ms);
    for await (const chunk of makePage(families, format)) page += Buffer.from(chunk).toString();
    return page.replaceAll(`${this.#folder.path}/`, "");
  }

  async page(): Promise<Page> {
    return new Page(await this.text());
  }

  async #open(): Promise<ConnectionsCollector> {
    const { countries, systems, exclude = "", maxAsns = 1000 } = this.#options;
    const files = { countries: { ...COUNTRIES, ...countries }, ...(systems && { systems }) };
    const paths = Object.entries(files).map(([name, networks]) => {
      const path = join(this.#folder.path, name);
      writeFileSync(path, mmdb(networks, { ...BUILT, type: `Example-${name}` }));
      return path;
    });
    const given = new Map([
      ["geoip", [""]],
      ["geoip-exclude", [exclude]],
    ]);
    const excluded = new NetworkSet(configOf(given).features.geoip!.exclude);
    const databases = await GeoDatabases.open(
      paths,
      () => undefined,
      () => {},
    );
    if (this.#options.reload !== undefined) databases.reload = this.#options.reload;
    return new ConnectionsCollector(this.source, databases, excluded, maxAsns);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

const everything: SiteOptions = { systems: SYSTEMS, exclude: "192.0.2.66,203.0.113.128/25" };

test("the page of some connections is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  using site = new Site(everything);
  const page = await site.text();
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, page);
  assert.equal(page, readFileSync(GOLDEN, "utf8"));
});

test("the golden page passes the strict reader and promtool", { skip: lacking("promtool") }, () => {
  const page = readFileSync(GOLDEN);
  parseExposition(page, "text");
  execFileSync("promtool", ["check", "metrics"], { input: page });
});

test("OpenMetrics is well formed too", async () => {
  using site = new Site(everything);
  parseExposition(Buffer.from(await site.text(Format.OPENMETRICS)), Format.OPENMETRICS);
});

describe("job_location", () => {
  test("counts established connections by country, and nothing else", async () => {
    using site = new Site(everything);
    const page = await site.page();
    const found = [...page.samples].filter(([series]) => series.startsWith("job_location"));
    assert.deepEqual(found, [
      ['job_location{location="DE"}', 3],
      ['job_location{location="FR"}', 1],
      ['job_location{location="JP"}', 1],
      ['job_location{location="US"}', 2],
    ]);
  });

  test("has no series if there is no such connection", async () => {
    using site = new Site({ sockets: ["listen :: 443", "time_wait 203.0.113.1 443 192.0.2.1"] });
    assert.equal((await site.page()).sum("job_location"), 0);
  });
});

describe("connections by state and direction", () => {
  test("have each connection once, by country and by AS", async () => {
    using site = new Site(everything);
    const page = await site.page();
    const connections = SOCKETS.filter((text) => !text.startsWith("listen"));
    assert.equal(page.sum("promtap_tcp_connections"), connections.length);
    assert.equal(page.sum("promtap_tcp_asn_connections"), connections.length);
    for (const state of ["established", "time_wait", "close_wait"]) {
      const expected = connections.filter((text) => text.startsWith(state)).length;
      assert.equal(page.sum("promtap_tcp_connections", `state="${state}"`), expected, state);
    }
    assert.equal(page.sum("promtap_tcp_connections", 'state="syn_recv"'), 2, "what a listener holds is one of them");
  });

  test("come in if the local end listens, and go out else", async () => {
    using site = new Site();
    const page = await site.page();
    const directions = (country: string) =>
      ["in", "out"].map((direction) =>
        page.sum("promtap_tcp_connections", 'state="established"', `direction="${direction}"`, `country="${country}"`),
      );
    assert.deepEqual(directions("DE"), [3, 1]);
    assert.deepEqual(directions("US"), [1, 1]);
    assert.deepEqual(directions("loopback"), [1, 2]);
  });

  test("have what the address is instead of a country, unless a database knows better", async () => {
    using site = new Site(everything);
    const page = await site.page();
    const count = (country: string, continent = country) =>
      page.sum("promtap_tcp_connections", `country="${country}"`, `continent="${continent}"`);
    assert.deepEqual(
      ["loopback", "private", "cgnat", "link_local", "unknown", "excluded"].map((name) => count(name)),
      [3, 1, 1, 1, 1, 1],
    );
    assert.equal(count("FR", "EU"), 1, "private, and in the database");
    assert.equal(page.sum("promtap_tcp_connections", 'country="QQ"'), 0, "loopback is never looked up");
  });
});

test("connections whose continent alone is known have that, and no country", async () => {
  const countries = {
    "203.0.113.0/25": { continent: { code: "EU", names: { en: "Europe" } } },
    "203.0.113.128/25": { continent: { code: "AF", names: { en: "Africa" } } },
    "10.0.0.0/16": { continent: { code: "AS" } },
  };
  const sockets = ["1", "2", "200"].map((host) => `established 192.0.2.1 5000 203.0.113.${host}`);
  using site = new Site({
    countries,
    sockets: [...sockets, "established 192.0.2.1 5000 10.0.0.1", "established 192.0.2.1 5000 192.88.99.1"],
  });
  const page = await site.page();
  const count = (country: string, continent: string) =>
    page.sum("promtap_tcp_connections", `country="${country}"`, `continent="${continent}"`);
  assert.deepEqual(
    [count("unknown", "EU"), count("unknown", "AF"), count("private", "private"), count("unknown", "unknown")],
    [2, 1, 1, 1],
  );
  assert.equal(page.sum("job_location"), 0);
});

describe("connections by AS", () => {
  test("are left out without a database of them", async () => {
    using site = new Site();
    assert.doesNotMatch(await site.text(), /_asn/);
  });

  test("beyond the limit are other, the smallest first, and told by their number", async () => {
    const systems = Array.from({ length: 20 }, (_, index) => [`192.0.2.${index}`, { asn: 65_000 + index }] as const);
    const sockets = systems.flatMap(([address], index) =>
      Array.from({ length: index + 1 }, () => `established 203.0.113.1 443 ${address}`),
    );
    using site = new Site({ sockets, systems: Object.fromEntries(systems), maxAsns: 3 });
    const page = await site.page();
    const found = [...page.samples].filter(([series]) => series.startsWith("promtap_tcp_asn_connections"));
    const labels = (asn: string): string =>
      `promtap_tcp_asn_connections{state="established",direction="out",asn="${asn}",organization=""}`;
    assert.deepEqual(found, [
      [labels("65019"), 20],
      [labels("65018"), 19],
      [labels("65017"), 18],
      [labels("other"), 210 - 57],
    ]);
    assert.equal(page.value("promtap_tcp_asns"), 20);
    assert.equal(page.value("promtap_tcp_asns_limit"), 3);
  });
});

test("databases that take long to be read again, as from a disk that hangs, leave those before on the page", async () => {
  using site = new Site({ reload: () => Promise.withResolvers<void>().promise });
  assert.match(await site.text(Format.TEXT, 1000), /^job_location\{location="DE"\} 4$/m);
});

test("sockets that change too much are read again, and the collector fails if they go on to", async () => {
  using site = new Site();
  site.source.spoiled = 2;
  const page = await site.page();
  assert.equal(page.sum("job_location"), 8);
  site.source.spoiled = 3;
  await assert.rejects(site.text(), /too many changed during each of 3 attempts/);
});
