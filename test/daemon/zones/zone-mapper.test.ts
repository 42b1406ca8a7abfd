import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PromtapError } from "../../../src/errors.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { ZoneMapper } from "../../../src/daemon/zones/zone-mapper.ts";
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

class Site implements Disposable {
  readonly folder = new TemporaryFolder();
  readonly refusals: string[] = [];

  write(name: string, bytes: Uint8Array): string {
    const path = join(this.folder.path, name);
    writeFileSync(path, bytes);
    return path;
  }

  async mapper(zonings: readonly Zoning[], paths: readonly string[], ranges: readonly string[] = []) {
    const databases = await GeoDatabases.open(
      paths,
      () => undefined,
      () => {},
    );
    return new ZoneMapper(zonings, databases, ranges.map(parseRange), undefined, ({ label }, reason) => {
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

test("nothing starts with a database that can't be mapped", async () => {
  using site = new Site();
  const mapper = await site.mapper([new Zoning("country", 10)], [site.write("a", circular())]);
  await assert.rejects(mapper.refresh(), (error) => {
    assert.ok(error instanceof PromtapError);
    assert.match(error.message, /^couldn't use a database: its search tree goes round in circles$/);
    return true;
  });
});
