import assert from "node:assert/strict";
import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { ipv4Frame, ipv6Frame, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const options = { skip: lacking("root", "ip", "softflowd", "nfcapd", "nfdump"), timeout: 120_000 };

const PORT = 2055;
const ORACLE_PORT = 9995;
const FLOWS = 300;

/** Flows of several packets each, of IPv4, and of IPv6 every fourth. */
function capture(withIpv6: boolean): { bytes: Uint8Array; packets: number; sizes: number } {
  let sizes = 0;
  const frames = Array.from({ length: 5 * FLOWS }, (_, k) => {
    const lengthBytes = 100 + (k % 1300);
    sizes += lengthBytes;
    const host = (k % FLOWS) + 1;
    const protocol = [PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP][k % 3]!;
    if (withIpv6 && host % 4 === 0) {
      const destination = `2001:db8::${host.toString(16)}`;
      return ipv6Frame({ source: "2001:db8:1::1", destination, protocol: PROTOCOL_UDP, lengthBytes });
    }
    const destination = `10.1.${host >> 8}.${host & 0xff}`;
    return ipv4Frame({ source: "10.0.0.1", destination, protocol, lengthBytes });
  });
  return { bytes: Uint8Array.from(pcap({ order: "little" }, frames).flat()), packets: frames.length, sizes };
}

/** nfcapd, which receives the same datagrams, and nfdump, which adds up what it has written. */
class Nfcapd implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(namespace: Namespace, folder: string) {
    this.#namespace = namespace;
    this.#folder = folder;
    mkdirSync(folder);
    const command = ["nfcapd", "-b", "127.0.0.1", "-p", `${ORACLE_PORT}`, "-t", "3600", "-l", folder];
    this.#process = namespace.spawn(command, { stdio: "ignore" });
    this.#ended = once(this.#process, "close");
  }

  static async start(namespace: Namespace, folder: string): Promise<Nfcapd> {
    const nfcapd = new Nfcapd(namespace, folder);
    await until("nfcapd listens", () => namespace.run("ss", "-Hlun").includes(`:${ORACLE_PORT}`));
    return nfcapd;
  }

  /** Ends it, and tells what it has received. */
  async totals(): Promise<{ flows: number; packets: number; bytes: number }> {
    this.#process.kill("SIGTERM");
    await this.#ended;
    const text = this.#namespace.run("nfdump", "-R", this.#folder, "-I");
    const number = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1]);
    return { flows: number("Flows"), packets: number("Packets"), bytes: number("Bytes") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
}

/** What a page says of all flows. */
function totals(page: Page): { flows: number; packets: number; bytes: number } {
  return {
    flows: page.sum("promtap_flow_exporter_records_total"),
    packets: page.sum("flow_transit_packets_total"),
    bytes: page.sum("flow_transit_bytes_total"),
  };
}

describe("flows of a real exporter, by UDP", options, () => {
  let namespace: Namespace;
  let folder: TemporaryFolder;
  before(() => {
    namespace = new Namespace();
    folder = new TemporaryFolder();
  });
  after(() => {
    namespace?.[Symbol.dispose]();
    folder?.[Symbol.dispose]();
  });

  for (const [version, protocol] of [
    ["5", "netflow5"],
    ["9", "netflow9"],
    ["10", "ipfix"],
  ] as const) {
    test(`are counted as nfcapd counts them: ${protocol}`, async () => {
      const { bytes, packets, sizes } = capture(protocol !== "netflow5");
      const file = join(folder.path, `${protocol}.pcap`);
      writeFileSync(file, bytes);
      await using nfcapd = await Nfcapd.start(namespace, join(folder.path, protocol));
      await using promtap = await RunningPromtap.start(namespace, ["--flow-listen", `:${PORT}`, "--flow-asn", "64500"]);
      const targets = [PORT, ORACLE_PORT].map((port) => `127.0.0.1:${port}`).join(",");
      namespace.run("softflowd", "-r", file, "-v", version, "-n", targets);
      // What was sent is in the socket, and a page has all that was sent before it.
      const page = await promtap.page();
      assert.deepEqual(totals(page), { flows: FLOWS, packets, bytes: sizes });
      const expected = await nfcapd.totals();
      assert.deepEqual(totals(page), { ...expected, flows: FLOWS });
      assert.equal(
        page.value(`promtap_flow_exporter_records_total{exporter="127.0.0.1",protocol="${protocol}"}`),
        FLOWS,
      );
      for (const name of ["lost_total", "refused_datagrams_total", "refused_records_total", "held_sets"]) {
        assert.equal(page.sum(`promtap_flow_${name}`), 0, name);
      }
    });
  }

  test("can't be received where another program does", async () => {
    await using _ = await Nfcapd.start(namespace, join(folder.path, "taken"));
    await assert.rejects(
      RunningPromtap.start(namespace, ["--flow-listen", `127.0.0.1:${ORACLE_PORT}`]),
      /ended with 1: .*couldn't receive on 127\.0\.0\.1:9995: another program receives there/s,
    );
  });
});
