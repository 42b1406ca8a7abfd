import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { until } from "../support/waiting.ts";

/** Those that know how merged frames are made. */
const ENGINES = ["bpf", "tcx", "ring"];
/** Not a multiple of what a packet holds. */
const SENT_BYTES = 5_000_003;
const PORT = 4000;
const TIMESTAMPS_BYTES = 12;
const TCP_HEADER_BYTES = 20 + TIMESTAMPS_BYTES;
/** The options of the first packet, beside timestamps: largest segment, SACK, scale of the window. */
const SYN_OPTIONS_BYTES = 4 + 2 + 3 + 3 - 4;

const VERSIONS = [
  { version: 4, range: "10.9.0.0/24", sender: "10.9.0.1", receiver: "10.9.0.2", prefix: 24, ipHeaderBytes: 20 },
  { version: 6, range: "fd09::/64", sender: "fd09::1", receiver: "fd09::2", prefix: 64, ipHeaderBytes: 40 },
] as const;
type Version = (typeof VERSIONS)[number];

const RECEIVE = `
  const server = require("node:net").createServer((socket) => socket.resume().once("end", () => server.close()));
  server.listen(${PORT}, () => console.log("listening"));
`;

function sendTo(host: string): string {
  return `
    const socket = require("node:net").connect(${PORT}, "${host}");
    socket.end(Buffer.alloc(${SENT_BYTES}));
  `;
}

/** A TCP transfer between two namespaces, watched at both ends. */
class Transfer implements AsyncDisposable {
  readonly #version: Version;
  readonly #sender = new Namespace();
  readonly #receiver = new Namespace();
  readonly #promtaps: RunningPromtap[] = [];

  constructor(version: Version, hasOffloads: boolean) {
    this.#version = version;
    this.#sender.ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", this.#receiver.name);
    for (const [namespace, address] of [
      [this.#sender, version.sender],
      [this.#receiver, version.receiver],
    ] as const) {
      namespace.run("sysctl", "-qw", "net.ipv6.conf.veth0.disable_ipv6=0", "net.ipv6.conf.veth0.accept_dad=0");
      const state = hasOffloads ? "on" : "off";
      namespace.run("ethtool", "-K", "veth0", "gro", state, "gso", state, "tso", state);
      // A probe of what the other end has got would be sent again, without need.
      namespace.run("sysctl", "-qw", "net.ipv4.tcp_early_retrans=0");
      namespace.ip("link", "set", "veth0", "up");
      namespace.ip("address", "add", `${address}/${version.prefix}`, "dev", "veth0");
    }
  }

  /** Makes the transfer, watched with these flags. */
  async run(...flags: readonly string[]): Promise<void> {
    const args = ["-i", "veth0", "-r", this.#version.range, ...flags];
    for (const namespace of [this.#sender, this.#receiver]) {
      await namespace.carrier("veth0");
      this.#promtaps.push(await RunningPromtap.start(namespace, args));
    }
    const receiver = this.#receiver.spawn([process.execPath, "-e", RECEIVE]);
    const received = once(receiver, "close");
    await once(receiver.stdout!, "data");
    this.#sender.run(process.execPath, "-e", sendTo(this.#version.receiver));
    await received;
    await until("the connection is closed", () => this.tcp("CurrEstab") === 0);
  }

  /** The pages of both ends, once they are as they should be. */
  async pagesWhere(what: string, condition: (page: Page) => boolean): Promise<Page[]> {
    return Promise.all(this.#promtaps.map((promtap) => promtap.pageWhere(what, condition)));
  }

  /** A counter of the sender's TCP (RFC 4022), which counts packets on the wire, whatever merges them later. */
  tcp(name: "OutSegs" | "RetransSegs" | "CurrEstab"): number {
    const lines = this.#sender.run("cat", "/proc/net/snmp").split("\n");
    const [names = [], values = []] = lines.filter((line) => line.startsWith("Tcp:")).map((line) => line.split(" "));
    return Number(values[names.indexOf(name)]);
  }

  /** Of the sender's packets, those of at most `le` bytes. */
  packets(page: Page, le = "+Inf"): number {
    return page.sum(`${this.#family}_bucket`, `ip="${this.#version.sender}"`, 'protocol="tcp"', `le="${le}"`);
  }

  /** What the sender's packets carried. */
  payloadBytes(page: Page): number {
    const bytes = page.sum(`${this.#family}_sum`, `ip="${this.#version.sender}"`, 'protocol="tcp"');
    return bytes - SYN_OPTIONS_BYTES - this.packets(page) * (this.#version.ipHeaderBytes + TCP_HEADER_BYTES);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const promtap of this.#promtaps) await promtap[Symbol.asyncDispose]();
    this.#sender[Symbol.dispose]();
    this.#receiver[Symbol.dispose]();
  }

  get #family(): string {
    return `promacct_packet_size_bytes_ipv${this.#version.version}_tx`;
  }
}

function aggregated(page: Page): number {
  return page.sum("promtap_traffic_aggregated_packets_total", 'interface="veth0"');
}

for (const [engine, version] of ENGINES.flatMap((engine) => VERSIONS.map((version) => [engine, version] as const))) {
  describe(`a TCP transfer over IPv${version.version}, by engine ${engine}`, () => {
    for (const hasOffloads of [true, false]) {
      const what = `with --wire-sizes is counted as it is on the wire, offloads ${hasOffloads ? "on" : "off"}`;
      test(what, liveOptions(), async () => {
        await using transfer = new Transfer(version, hasOffloads);
        await transfer.run("--engine", engine, "--wire-sizes");
        // A busy machine may be late to acknowledge, and something is sent again. OutSegs leaves that out.
        const resent = transfer.tcp("RetransSegs");
        const sent = transfer.tcp("OutSegs") + resent;
        const isComplete = (page: Page) => transfer.packets(page) >= sent;
        for (const page of await transfer.pagesWhere(`${sent} packets are counted`, isComplete)) {
          assert.equal(transfer.packets(page), sent);
          const resentBytes = transfer.payloadBytes(page) - SENT_BYTES;
          assert.ok(
            resentBytes >= 0 && resentBytes <= resent * 1460,
            `${resentBytes} bytes too many, ${resent} resent`,
          );
          assert.equal(transfer.packets(page, "2048"), sent, "packets above the MTU");
          // tcx stands before the kernel cuts what an interface without offloads cannot take.
          if (engine !== "tcx" || hasOffloads) assert.equal(aggregated(page) > 0, hasOffloads);
          assert.equal(page.sum("promtap_capture_lost_packets_total"), 0);
        }
      });
    }

    test("is counted in merged frames without, and they are told", liveOptions(), async () => {
      await using transfer = new Transfer(version, true);
      await transfer.run("--engine", engine);
      const isComplete = (page: Page) => transfer.payloadBytes(page) >= SENT_BYTES;
      for (const page of await transfer.pagesWhere("the payload is counted", isComplete)) {
        const large = transfer.packets(page) - transfer.packets(page, "2048");
        assert.ok(transfer.packets(page) < transfer.tcp("OutSegs") / 2);
        assert.ok(large > 0);
        assert.ok(aggregated(page) >= large);
      }
    });
  });
}
