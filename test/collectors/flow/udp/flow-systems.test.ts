import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FlowSystems } from "../../../../src/collectors/flow/udp/flow-systems.ts";
import { GeoDatabases } from "../../../../src/geo/databases.ts";
import { hex, ipfix, netflow5, record5, set, template, u32 } from "../../../flows/datagrams.ts";
import { mmdb } from "../../../support/mmdb-writer.ts";
import { TemporaryFolder } from "../../../support/temporary-folder.ts";
import { Site } from "./site.ts";

const system = (number: number) => ({
  autonomous_system_number: number,
  autonomous_system_organization: `AS ${number}`,
});
const IPV4 = hex("0a000001 0a000002");
const IPV6 = hex("20010db8 00000000 00000000 00000001 20010500 00000000 00000000 0000000c");

test("ASes that a record does not tell are those of its addresses, in a database as it is now", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "systems.mmdb");
  const networks = { "10.0.0.1/32": system(65_001), "10.0.0.2/32": system(4_200_000_000), "2001:500::/32": system(7) };
  writeFileSync(path, mmdb(networks));
  const countries = join(folder.path, "countries.mmdb");
  writeFileSync(countries, mmdb({ "10.0.0.0/8": { country: { iso_code: "DE" } } }));
  const databases = await GeoDatabases.open(
    [path, countries],
    () => undefined,
    () => {},
  );
  const site = await Site.of({ labels: ["as_src", "as_dst"], systems: new FlowSystems(databases) });
  const bytesOf = async (source: number, destination: number): Promise<number> =>
    (await site.page()).sum("flow_transit_bytes_total", `source_as="${source}"`, `destination_as="${destination}"`);
  const both = template(256, [8, 4], [12, 4], [27, 16], [28, 16], [16, 4], [1, 4]);
  const biflow = template(257, [8, 4], [12, 4], [231, 4], [232, 4]);
  const zeros = (bytes: number): number[] => Array<number>(bytes).fill(0);
  // What records tell stays, and what none tells is not that of the record before.
  const records = [
    [...IPV4, ...zeros(32), ...u32(0), ...u32(1)],
    [...IPV4, ...zeros(32), ...u32(99), ...u32(2)],
    [...zeros(8), ...IPV6, ...u32(0), ...u32(3)],
    [...hex("0b000001 0a000002"), ...zeros(32), ...u32(0), ...u32(4)],
    [...zeros(40), ...u32(0), ...u32(5)],
  ];
  site.send("192.0.2.1", ipfix([set(2, both, biflow), set(256, ...records)]));
  site.send("192.0.2.1", ipfix([set(257, IPV4, u32(60), u32(70))]));
  site.send("192.0.2.1", netflow5([record5({ bytes: 800, sourceAs: 64_999 })]));
  assert.equal(await bytesOf(65_001, 4_200_000_000), 1 + 60);
  assert.equal(await bytesOf(4_200_000_000, 65_001), 70);
  assert.equal(await bytesOf(99, 4_200_000_000), 2);
  assert.equal(await bytesOf(0, 7), 3);
  assert.equal(await bytesOf(0, 4_200_000_000), 4);
  assert.equal(await bytesOf(0, 0), 5);
  assert.equal(await bytesOf(64_999, 4_200_000_000), 800);
  writeFileSync(path, mmdb({ "10.0.0.1/32": system(65_002) }, { buildEpoch: 1_700_000_001 }));
  // A page begins to read it again, once what the page before has begun is done.
  await databases.reload();
  await site.page();
  await databases.reload();
  site.send("192.0.2.1", ipfix([set(256, records[0]!)]));
  assert.equal(await bytesOf(65_002, 0), 1);
});
