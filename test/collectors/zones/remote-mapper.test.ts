import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RemoteMapper } from "../../../src/collectors/zones/remote-mapper.ts";
import { parseZone } from "../../../src/config/customers/zone-items.ts";
import { GeoDatabases } from "../../../src/geo/databases.ts";
import { mmdb } from "../../support/mmdb-writer.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";

const NETHERLANDS = mmdb({ "193.0.0.0/16": { country_code: "NL" } }, { ipVersion: 4 });
const GERMANY = mmdb({ "193.0.0.0/8": { country_code: "DE" }, "8.0.0.0/8": { country_code: "US" } }, { ipVersion: 4 });
const ADDRESS = 0xc100_0e81;

class Site implements Disposable {
  readonly folder = new TemporaryFolder();
  readonly path = join(this.folder.path, "countries.mmdb");
  readonly refusals: string[] = [];
  readonly mapper = new RemoteMapper(["zone"], (reason) => this.refusals.push(reason));

  async open(bytes: Uint8Array): Promise<GeoDatabases> {
    writeFileSync(this.path, bytes);
    return GeoDatabases.open(
      [this.path],
      () => undefined,
      () => {},
    );
  }

  get name(): string {
    const { zoning } = this.mapper;
    return zoning.nameOf(zoning.table.zoneOfIpv4(ADDRESS));
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

test("zones that come while a database changes stay, whoever saw the change first", async () => {
  using site = new Site();
  const { mapper } = site;
  const databases = await site.open(NETHERLANDS);
  await mapper.use(parseZone("before=NL,*", "--zone"), databases);
  assert.equal(site.name, 'zone="before"');
  writeFileSync(site.path, GERMANY);
  const zones = parseZone("after=DE,*", "--zone");
  const used = databases.reload().then(async () => mapper.use(zones, databases));
  await Promise.all([used, mapper.refresh()]);
  assert.equal(mapper.zones, zones);
  assert.equal(site.name, 'zone="after"');
  assert.deepEqual(site.refusals, []);
});

test("a database that changed is used although zones were refused meanwhile", async () => {
  using site = new Site();
  const { mapper } = site;
  const databases = await site.open(NETHERLANDS);
  await mapper.use([...parseZone("home=DE", "--zone"), ...parseZone("rest=*", "--zone")], databases);
  assert.equal(site.name, 'zone="rest"');
  writeFileSync(site.path, GERMANY);
  await databases.reload();
  const stop = mapper.zoning.watch(function* () {
    yield;
    return "too large";
  });
  const { zones } = mapper.zoning;
  assert.equal(await mapper.use(parseZone("away=DE,*", "--zone"), databases), "too large");
  assert.equal(mapper.zoning.zones, zones, "what was refused takes room from zones to come");
  stop();
  await mapper.refresh();
  assert.equal(site.name, 'zone="home"');
  assert.deepEqual(site.refusals, []);
});

test("databases may be done with while one is read again", async () => {
  using site = new Site();
  const { mapper } = site;
  const databases = await site.open(NETHERLANDS);
  await mapper.use(parseZone("home=NL", "--zone"), databases);
  const { promise, resolve } = Promise.withResolvers<void>();
  databases.reload = () => promise;
  const refreshed = mapper.refresh();
  await mapper.use(parseZone("home=193.0.0.0/8", "--zone"), undefined);
  resolve();
  await refreshed;
  assert.equal(site.name, 'zone="home"');
  assert.deepEqual(site.refusals, []);
});
