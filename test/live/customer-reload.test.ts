import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const FRAMES = 9_000;
const RELOADS = 6;
/** Each takes a scrape's time on a machine that has much to do. */
const TIMEOUT_MS = 240_000;
const SENDERS = ["10.0.0.1", "10.0.1.1", "10.0.2.1"];
const SENT = SENDERS.map((source) =>
  ipv4Frame({ source, destination: "192.0.2.1", protocol: PROTOCOL_UDP, lengthBytes: 100 }),
);
const ALL = 'promacct_packet_size_bytes_all_count{interface="near"}';

/** What one customer has is told by other prefixes in each list; another customer is new in each. */
function listOf(reload: number): string {
  const one = ["10.0.0.0/24,one", "10.0.0.1,one\n10.0.0.0/16,none", "10.0.0.0/31,one\n10.0.0.0/8,none"];
  return `prefix,customer\n${one[reload % one.length]}\n10.0.1.0/24,two\n10.0.2.1,list-${reload}\n192.0.2.1,to\n`;
}

function packetsOf(page: Page, customer: string, direction: string): number | undefined {
  const labels = `interface="near",customer="${customer}",direction="${direction}"`;
  return page.value(`promtap_customer_packets_total{${labels}}`);
}

for (const engine of ["bpf", "tcx", "ring"]) {
  const options = { ...engineOptions(engine), timeout: TIMEOUT_MS };
  test(`engine ${engine} counts every packet for its customer once over reloads of the list`, options, async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    namespace.addVeth("near", "far");
    const path = join(folder.path, "customers.csv");
    writeFileSync(path, listOf(0));
    const args = ["--engine", engine, "-i", "near", "--range-file", path, "--web.enable-lifecycle"];
    await using promtap = await RunningPromtap.start(namespace, args);
    let isSent = false;
    const sent = send(namespace, "far", SENT, { count: FRAMES, gap: "50us" }).finally(() => (isSent = true));
    let reloads = 0;
    while (reloads < RELOADS || !isSent) {
      writeFileSync(path, listOf(++reloads));
      assert.equal((await promtap.post("/-/reload")).status, 200);
      await promtap.page();
    }
    await sent;
    const page = await promtap.pageWhere("all is counted", (each) => each.value(ALL) === FRAMES);
    const share = FRAMES / SENT.length;
    assert.deepEqual([packetsOf(page, "one", "tx"), packetsOf(page, "two", "tx")], [share, share]);
    assert.equal(packetsOf(page, "to", "rx"), FRAMES);
    // That of the list before may be on its last page.
    await promtap.page();
    const names = [...(await promtap.page()).samples.keys()].filter((name) => name.includes('customer="list-'));
    assert.deepEqual(
      names.filter((name) => !name.includes(`"list-${reloads}"`)),
      [],
    );
  });
}
