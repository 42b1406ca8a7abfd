import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Frame, ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { mmdb } from "../support/mmdb-writer.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions } from "../support/requirements.ts";
import { Load, send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const LIMIT = 64;
/** More than have room in the kernel, too, which has some to spare. */
const SCANNING = 200;
const CUSTOMERS = 60;
const LENGTH_BYTES = 100;
const PACKETS = "promtap_traffic_asn_packets_total";
/** Two looks are some seconds apart; a machine that does other things too takes longer. */
const PATIENCE_MS = 45_000;
const TIMEOUT_MS = 150_000;

const ASNS = Array.from({ length: SCANNING + CUSTOMERS }, (_, asn) => asn + 1);

/** An address of an AS. */
function addressOf(asn: number): string {
  return `8.${asn >> 8}.${asn & 0xff}.1`;
}

function frame(source: string, destination: string): Frame {
  return ipv4Frame({ source, destination, protocol: PROTOCOL_UDP, lengthBytes: LENGTH_BYTES });
}

/** A packet to an AS, and its answer. */
function exchange(asn: number): Frame[] {
  return [frame("192.0.2.1", addressOf(asn)), frame(addressOf(asn), "192.0.2.1")];
}

/** Asserts that no counter of the later page is below the same one of the earlier. */
function assertGrows(earlier: Page, later: Page): void {
  for (const [series, value] of earlier.samples) {
    if (!series.includes("_total")) continue;
    const now = later.value(series);
    if (now !== undefined) assert.ok(now >= value, `${series} went from ${value} to ${now}`);
  }
}

for (const engine of ["bpf", "tcx", "ring"]) {
  test(
    `engine ${engine} gives the series of silent ASes to those that speak, and loses no packet`,
    { ...engineOptions(engine), timeout: TIMEOUT_MS },
    async () => {
      using namespace = new Namespace();
      using folder = new TemporaryFolder();
      namespace.addVeth("veth0", "veth1");
      const database = join(folder.path, "both.mmdb");
      const networks = ASNS.map((asn) => [
        addressOf(asn).replace(/1$/, "0/24"),
        { country_code: asn % 2 > 0 ? "NL" : "US", autonomous_system_number: asn },
      ]);
      writeFileSync(database, mmdb(Object.fromEntries(networks)));
      const by = ["--by=country,asn", "--geoip-db", database, "--max-asns", `${LIMIT}`];
      const args = ["--engine", engine, "-i", "veth0", "-r", "192.0.2.1", ...by];
      await using promtap = await RunningPromtap.start(namespace, args);
      const scanning = ASNS.slice(0, SCANNING).map((asn) => frame(addressOf(asn), "192.0.2.1"));
      await send(namespace, "veth1", scanning);
      let before = await promtap.pageWhere("all is scanned", (page) => page.sum(PACKETS) === SCANNING);
      // The second half takes what the kernel has taken back, and some of it from the first half.
      for (const first of [SCANNING, SCANNING + CUSTOMERS / 2]) {
        const speaking = ASNS.slice(first, first + CUSTOMERS / 2);
        await using _ = new Load(namespace, "veth1", speaking.flatMap(exchange), "500us");
        await promtap.pageWhere(
          "all that speak have series",
          (page) => {
            assertGrows(before, page);
            before = page;
            return speaking.every((asn) => page.sum(PACKETS, `direction="tx",asn="${asn}"`) > 0);
          },
          PATIENCE_MS,
        );
      }
      const sent = namespace.statistic("veth1", "tx_packets");
      const page = await promtap.pageWhere("all frames are counted", (now) => now.sum(PACKETS) >= sent);
      assertGrows(before, page);
      for (const label of ["asn", "country"]) {
        assert.equal(page.sum(`promtap_traffic_${label}_packets_total`), sent, label);
        assert.equal(page.sum(`promtap_traffic_${label}_bytes_total`), sent * LENGTH_BYTES, label);
      }
      assert.equal(page.sum("promtap_traffic_country_packets_total", 'country="other"'), 0);
      assert.ok(page.value("promtap_traffic_asns")! <= LIMIT);
      assert.equal(page.sum("promtap_capture_lost_packets_total"), 0);
    },
  );
}
