import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Bytes, netflow9, set, template, u32 } from "../flows/datagrams.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const RELOADS = 8;
/** Ranges change beside, though nothing is captured. */
const options = { skip: lacking("root"), timeout: 120_000 };
/** Each ends in a socket's buffer, whatever the host allows for that. */
const BURST = 40;

const COUNTS = template(256, [1, 4], [2, 4]);
const BYTES = 1000;

/** An exporter that sends its template once, and then a record a datagram. */
class Sender implements Disposable {
  datagrams = 0;
  readonly #socket: Socket = createSocket("udp4");
  readonly #port: number;
  #sequence = 0;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(address: string, port: number): Promise<Sender> {
    const sender = new Sender(port);
    sender.#socket.bind(0, address);
    await once(sender.#socket, "listening");
    await sender.#send(set(0, COUNTS));
    return sender;
  }

  async burst(): Promise<void> {
    for (let k = 0; k < BURST; k++) await this.#send(set(256, [...u32(BYTES), ...u32(1)]));
    this.datagrams += BURST;
  }

  async #send(content: Bytes): Promise<void> {
    const datagram = Uint8Array.from(netflow9([content], { sequence: this.#sequence++ }));
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(datagram, this.#port, "127.0.0.1", (error) => (error === null ? resolve() : reject(error)));
    });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

function portOf(page: Page): number {
  const [series] = [...page.samples.keys()].filter((name) => name.startsWith("promtap_flow_socket_drops_total"));
  return Number(/:(\d+)"/.exec(series ?? "")?.[1]);
}

test("no record is lost or counted twice while listeners, exporters, names and ranges change", options, async () => {
  using folder = new TemporaryFolder();
  const [config, names] = [join(folder.path, "promtap.yml"), join(folder.path, "names")];
  writeFileSync(names, "127.0.0.1 first\n");
  const configs = [
    "",
    `, exporters: 127.0.0.0/31, exporter_names: ${names}`,
    ", exporters: 127.0.0.0/8, sampling: none",
    `, exporters: "127.0.0.1,::1", exporter_names: ${names}`,
  ];
  const asNames = join(folder.path, "as-names");
  writeFileSync(asNames, "64500 OURS\n");
  let port = 0;
  const listeners = (): string[] => [
    `"127.0.0.1:${port}"`,
    `":${port}"`,
    `"[::1]:${port}", "127.0.0.1:${port}"`,
    `"127.0.0.1:${port}", ":0"`,
    `"0.0.0.0:${port}"`,
  ];
  const write = (k: number): void => {
    const listen = listeners()[k % listeners().length];
    const called = k < 3 ? "" : `, as_names: ${asNames}`;
    const flow = `flow: {listen: [${listen}], asn: 64500, max_series: ${1000 + k}${called}${configs[k % configs.length]}}`;
    writeFileSync(config, `${flow}\ninterfaces: ["none-*"]\nranges: ["10.0.0.${k}:a=b"]\n`);
  };
  write(0);
  await using promtap = await RunningPromtap.start(undefined, ["--config.file", config, "--web.enable-lifecycle"]);
  port = portOf(await promtap.page());
  using one = await Sender.start("127.0.0.1", port);
  using other = await Sender.start("127.0.0.2", port);
  for (let reload = 1; reload <= RELOADS; reload++) {
    write(reload);
    const reloaded = promtap.post("/-/reload");
    await Promise.all([one.burst(), other.burst()]);
    const answer = await reloaded;
    assert.equal(answer.status, 200, JSON.stringify([reload, answer]));
    if (reload % configs.length === 1) writeFileSync(names, `127.0.0.1 name-${reload}\n`);
    await promtap.page();
  }
  const page = await promtap.page();
  const others = page.sum("flow_transit_packets_total", 'hostname="127.0.0.2"');
  const refused = page.sum("promtap_flow_refused_datagrams_total", 'reason="not_allowed"');
  const held = page.sum("promtap_flow_held_sets") + page.sum("promtap_flow_dropped_sets_total");
  assert.equal(page.sum("flow_transit_packets_total") - others, one.datagrams);
  assert.equal(page.sum("flow_transit_bytes_total"), (one.datagrams + others) * BYTES);
  // What was sent again after it had been refused waits for a template.
  assert.equal(others + held + refused, other.datagrams);
  assert.ok(others > 0 && refused > 0, `${others} counted, ${refused} refused`);
  assert.equal(page.value("promtap_config_last_reload_successful"), 1);
  assert.equal(page.value("promtap_flow_series_limit"), 1000 + RELOADS);
  assert.equal(page.value("promtap_flow_as_names"), 1);
  const hosts = new Set([...page.samples.keys()].map((series) => /hostname="([^"]*)"/.exec(series)?.[1]));
  assert.ok(hosts.has("127.0.0.1") && hosts.has("name-5"), [...hosts].join(" "));
});
