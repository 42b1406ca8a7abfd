import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { type Bytes, netflow9, set, template, u32 } from "../flows/datagrams.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";

const EXPORTERS = 16;
const DATAGRAMS = 4;
const COUNTS = template(256, [1, 4], [2, 4]);
const RECORD = [...u32(1000), ...u32(1)];

/** An exporter that sends its template from one port, and its records from others. */
class Exporter {
  readonly address: string;
  readonly #port: number;
  #sequence = 0;

  constructor(address: string, port: number) {
    this.address = address;
    this.#port = port;
  }

  async sendAll(): Promise<void> {
    await this.#send(set(0, COUNTS));
    for (let k = 0; k < DATAGRAMS; k++) await this.#send(set(256, RECORD));
  }

  async #send(content: Bytes): Promise<void> {
    const isIpv6 = this.address.includes(":");
    const socket: Socket = createSocket(isIpv6 ? "udp6" : "udp4");
    socket.bind(0, this.address);
    await once(socket, "listening");
    const datagram = Uint8Array.from(netflow9([content], { sequence: this.#sequence++ }));
    await new Promise<void>((resolve, reject) => {
      const target = isIpv6 ? "::1" : "127.0.0.1";
      socket.send(datagram, this.#port, target, (error) => (error === null ? resolve() : reject(error)));
    });
    socket.close();
  }
}

function portOf(page: Page): number {
  const [series = ""] = [...page.samples.keys()].filter((name) => name.startsWith("promtap_flow_socket_drops_total"));
  return Number(/:(\d+)"/.exec(series)?.[1]);
}

function datagramsOf(page: Page, { address }: Exporter): number {
  return page.value(`promtap_flow_datagrams_total{exporter="${address}"}`) ?? 0;
}

test("several promtaps share a port, each exporter heard by one of them, and by others when that is gone", async () => {
  const start = (port: number): Promise<RunningPromtap> =>
    RunningPromtap.start(undefined, ["--flow-listen", `:${port}`, "--flow-sharers", "2", "--flow-asn", "64500"]);
  await using one = await start(0);
  const port = portOf(await one.page());
  await using other = await start(port);
  const addresses = [...Array.from({ length: EXPORTERS }, (_, k) => `127.0.0.${k + 1}`), "::1"];
  const exporters = addresses.map((address) => new Exporter(address, port));
  for (const exporter of exporters) await exporter.sendAll();
  const pages = [await one.page(), await other.page()];
  for (const exporter of exporters) {
    const counts = pages.map((page) => datagramsOf(page, exporter));
    assert.deepEqual(
      counts.toSorted((a, b) => a - b),
      [0, 1 + DATAGRAMS],
      exporter.address,
    );
  }
  const sum = (name: string): number => pages.reduce((total, page) => total + page.sum(name), 0);
  assert.equal(sum("flow_transit_packets_total"), exporters.length * DATAGRAMS);
  assert.equal(sum("flow_transit_bytes_total"), exporters.length * DATAGRAMS * 1000);
  assert.deepEqual([sum("promtap_flow_held_sets"), sum("promtap_flow_lost_total")], [0, 0]);
  for (const page of pages) assert.ok(page.sum("promtap_flow_exporters") > 4, "one has next to no exporters");
  await other.stop();
  for (const exporter of exporters) await exporter.sendAll();
  const before = pages[0]!.sum("promtap_flow_datagrams_total");
  const after = (await one.page()).sum("promtap_flow_datagrams_total");
  assert.equal(after - before, exporters.length * (1 + DATAGRAMS));
});
