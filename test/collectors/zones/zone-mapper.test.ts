import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { HostAddress } from "../../../src/capture/netlink-addresses.ts";
import { PromtapError } from "../../../src/errors.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { ZoneMapper } from "../../../src/collectors/zones/zone-mapper.ts";
import { GeoDatabases } from "../../../src/geo/databases.ts";
import { Zone } from "../../../src/ledger/zones/zone.ts";
import { Zoning } from "../../../src/ledger/zones/zoning.ts";
import { mmdb } from "../../support/mmdb-writer.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";

const NETHERLANDS = mmdb({ "193.0.0.0/16": { country_code: "NL" } }, { ipVersion: 4 });
const GERMANY = mmdb({ "193.0.0.0/8": { country_code: "DE" }, "8.0.0.0/8": { country_code: "US" } }, { ipVersion: 4 });
const SYSTEMS = mmdb({ "193.0.0.0/16": { asn: 3333, name: "RIPE" } }, { ipVersion: 4 });
const ADDRESS = 0xc100_0e81;

/** The left branch of the first node leads back to it. */
function circular(): Uint8Array {
  const bytes = NETHERLANDS.slice();
  bytes.fill(0, 0, 3);
  return bytes;
}

/** A host whose addresses come and go as the test says. */
class Host {
  addresses: HostAddress[] = [];
  /** Called once, when the addresses were asked for. */
  asked: (() => void) | undefined;

  all(): readonly HostAddress[] {
    const { addresses, asked } = this;
    this.asked = undefined;
    asked?.();
    return addresses;
  }

  add(value: number): void {
    this.addresses = [...this.addresses, { version: 4, value: BigInt(value), isBroadcast: false }];
  }
}

class Site implements Disposable {
  readonly folder = new TemporaryFolder();
  readonly refusals: string[] = [];

  write(name: string, bytes: Uint8Array): string {
    const path = join(this.folder.path, name);
    writeFileSync(path, bytes);
    return path;
  }

  async mapper(zonings: readonly Zoning[], paths: readonly string[], ranges: readonly string[] = [], host?: Host) {
    const databases = await GeoDatabases.open(
      paths,
      () => undefined,
      () => {},
    );
    return new ZoneMapper(zonings, databases, ranges.map(parseRange), host, ({ label }, reason) => {
      this.refusals.push(`${label}: ${reason}`);
    });
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

function nameAt(zoning: Zoning, address: number): string {
  return zoning.nameOf(zoning.table.zoneOfIpv4(address));
}

test("the first database that knows an address has the word, and another what that does not know", async () => {
  using site = new Site();
  const zonings = [new Zoning("country", 10), new Zoning("asn", 10)] as const;
  const files = [NETHERLANDS, GERMANY, SYSTEMS].map((bytes, index) => site.write(`${index}.mmdb`, bytes));
  await (await site.mapper(zonings, files)).refresh();
  assert.equal(nameAt(zonings[0], ADDRESS), "NL");
  assert.equal(nameAt(zonings[0], 0xc101_0101), "DE");
  assert.equal(nameAt(zonings[0], 0x0808_0808), "US");
  assert.equal(nameAt(zonings[1], ADDRESS), "3333");
  assert.equal(zonings[1].descriptionOf(zonings[1].zoneOf("3333")), "RIPE");
  assert.equal(nameAt(zonings[1], 0x0808_0808), "unknown");
});

test("ranges are local, but not those of all addresses", async () => {
  using site = new Site();
  const zoning = new Zoning("country", 10);
  const mapper = await site.mapper([zoning], [site.write("a", NETHERLANDS)], ["8.8.8.0/24", "0.0.0.0/0/8", "::/0"]);
  await mapper.refresh();
  assert.equal(zoning.table.zoneOfIpv4(0x0808_08ff), Zone.LOCAL);
  assert.equal(nameAt(zoning, ADDRESS), "NL");
  assert.equal(zoning.table.zoneOfIpv6(0x2000_0000, 0, 0, 0), Zone.UNKNOWN);
});

test("a database is used once it is replaced; one that can't be mapped is told once, and changes nothing", async () => {
  using site = new Site();
  const zoning = new Zoning("country", 10);
  const mapper = await site.mapper([zoning], [site.write("a", NETHERLANDS)]);
  await mapper.refresh();
  site.write("a", circular());
  await mapper.refresh();
  await mapper.refresh();
  assert.deepEqual(site.refusals, ["country: its search tree goes round in circles"]);
  assert.equal(nameAt(zoning, ADDRESS), "NL");
  site.write("a", GERMANY);
  await mapper.refresh();
  assert.equal(nameAt(zoning, ADDRESS), "DE");
  assert.equal(site.refusals.length, 1);
});

test("a database that is refused keeps no address out, and is told of until one is used", async () => {
  using site = new Site();
  const host = new Host();
  const zonings = [new Zoning("country", 10), new Zoning("asn", 10)] as const;
  const files = [site.write("a", NETHERLANDS), site.write("b", SYSTEMS)];
  const mapper = await site.mapper(zonings, files, [], host);
  await mapper.refresh();
  assert.deepEqual(
    zonings.map((zoning) => mapper.isCurrent(zoning)),
    [true, true],
  );
  zonings[0].watch(function* ({ ipv4 }) {
    yield;
    return ipv4.spans.length > 2 * before + 8 ? "too large" : () => {};
  });
  const before = zonings[0].table.ipv4.spans.length / 2;
  const large = Object.fromEntries(Array.from({ length: 50 }, (_, k) => [`9.${k * 2}.0.0/16`, { country_code: "DE" }]));
  for (const bytes of [mmdb(large, { ipVersion: 4 }), circular()]) {
    site.write("a", bytes);
    await mapper.refresh();
    host.add(0x0909_0909);
    await mapper.refresh();
    assert.deepEqual(
      zonings.map((zoning) => mapper.isCurrent(zoning)),
      [false, true],
    );
    for (const zoning of zonings) assert.equal(nameAt(zoning, 0x0909_0909), "local");
    assert.deepEqual(
      zonings.map((zoning) => nameAt(zoning, ADDRESS)),
      ["NL", "3333"],
    );
    host.addresses = [];
  }
  assert.deepEqual(site.refusals, ["country: too large", "country: its search tree goes round in circles"]);
  site.write("a", GERMANY);
  await mapper.refresh();
  assert.equal(mapper.isCurrent(zonings[0]), true);
  assert.equal(nameAt(zonings[0], ADDRESS), "DE");
});

test("a database that changed makes no table again that it says nothing of", async () => {
  using site = new Site();
  const zonings = [new Zoning("country", 10), new Zoning("asn", 10)] as const;
  const mapper = await site.mapper(zonings, [site.write("a", NETHERLANDS), site.write("b", SYSTEMS)]);
  await mapper.refresh();
  const before = zonings.map(({ table }) => table);
  site.write("b", mmdb({ "193.0.0.0/8": { asn: 3333, name: "RIPE NCC" } }, { ipVersion: 4 }));
  await mapper.refresh();
  assert.equal(nameAt(zonings[1], 0xc111_1111), "3333");
  assert.deepEqual(
    zonings.map(({ table }, at) => table === before[at]),
    [true, false],
  );
});

test("too many addresses of the host are told of for as long as there are", async () => {
  using site = new Site();
  const host = new Host();
  const zoning = new Zoning("country", 10);
  const mapper = await site.mapper([zoning], [site.write("a", NETHERLANDS)], [], host);
  await mapper.refresh();
  zoning.watch(function* (table) {
    yield;
    return table.zoneOfIpv4(0x0909_0909) === Zone.LOCAL ? "too large" : () => {};
  });
  host.add(0x0909_0909);
  await mapper.refresh();
  await mapper.refresh();
  assert.equal(mapper.isCurrent(zoning), false);
  host.addresses = [];
  await mapper.refresh();
  assert.equal(mapper.isCurrent(zoning), true);
  assert.deepEqual(site.refusals, ["country: too large"]);
});

test("an address that comes while tables are made is in them when it is done", async () => {
  using site = new Site();
  const host = new Host();
  const zoning = new Zoning("country", 10);
  const mapper = await site.mapper([zoning], [site.write("a", NETHERLANDS)], [], host);
  host.asked = () => host.add(ADDRESS);
  await mapper.refresh();
  assert.equal(nameAt(zoning, ADDRESS), "local");
});

test("nothing starts with a database that can't be mapped", async () => {
  using site = new Site();
  const mapper = await site.mapper([new Zoning("country", 10)], [site.write("a", circular())]);
  await assert.rejects(mapper.refresh(), (error) => {
    assert.ok(error instanceof PromtapError);
    assert.match(error.message, /^couldn't use a database: its search tree goes round in circles$/);
    return true;
  });
});
