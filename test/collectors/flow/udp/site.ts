import { zstdCompressSync } from "node:zlib";
import { AsNames } from "../../../../src/collectors/flow/as-names/as-names.ts";
import { FlowCollector } from "../../../../src/collectors/flow/flow-collector.ts";
import { FlowLedger } from "../../../../src/collectors/flow/flow-ledger.ts";
import { FLOW_LABELS } from "../../../../src/collectors/flow/section.ts";
import { SlotLabels } from "../../../../src/collectors/flow/slot-labels.ts";
import type { ExportersOptions } from "../../../../src/collectors/flow/udp/exporters.ts";
import type { FlowAccounts } from "../../../../src/collectors/flow/udp/flow-accounts.ts";
import type { FlowSystems } from "../../../../src/collectors/flow/udp/flow-systems.ts";
import { UdpFamilies } from "../../../../src/collectors/flow/udp/udp-families.ts";
import { type Sampling, UdpIntake } from "../../../../src/collectors/flow/udp/udp-intake.ts";
import type { CountedDirection } from "../../../../src/flows/exporter.ts";
import { parseAddress } from "../../../../src/packet/address.ts";
import { Format } from "../../../../src/page/negotiation.ts";
import { makePage } from "../../../../src/page/page.ts";
import type { Bytes } from "../../../flows/datagrams.ts";
import { Page } from "../../../support/page.ts";

export const OWN_AS = 64_500;
const START_MS = 1_700_000_000_000;

export interface SiteOptions {
  labels?: readonly string[];
  sampling?: Sampling;
  direction?: CountedDirection;
  exporters?: ExportersOptions;
  accounts?: FlowAccounts | undefined;
  systems?: FlowSystems | undefined;
}

/** A collector of flows, without a socket. */
export class Site {
  nowMs = START_MS;
  readonly intake: UdpIntake;
  readonly #collector: FlowCollector;

  private constructor(
    names: AsNames,
    { labels = FLOW_LABELS, sampling = "auto", direction, exporters, accounts, systems }: SiteOptions,
  ) {
    const ledger = new FlowLedger({ ownAs: OWN_AS, labels, maxSeries: 10_000 });
    this.intake = new UdpIntake(ledger, {
      sampling,
      direction,
      accounts,
      systems,
      ...exporters,
      now: () => this.nowMs,
    });
    const socket = { memory: () => ({ bufferBytes: 425_984, drops: 3 }) };
    const receiver = { sockets: [{ name: ":2055", socket }], sync() {} };
    const inputs = [new UdpFamilies(receiver, this.intake)];
    const parts = { inputs, ledger, labels: new SlotLabels(ledger.sets, labels, names), names };
    this.#collector = new FlowCollector(parts);
  }

  static async of(options: SiteOptions = {}): Promise<Site> {
    return new Site(await AsNames.carried(zstdCompressSync("6939 Hurricane Electric LLC\n")), options);
  }

  send(from: string, ...datagrams: Bytes[]): void {
    const { version, value } = parseAddress(from)!;
    const address = version === 4 ? value | 0xffff_0000_0000n : value;
    for (const datagram of datagrams) {
      const view = new DataView(Uint8Array.from(datagram).buffer);
      const senderWord = (_: number, word: number): number =>
        Number((address >> BigInt(96 - 32 * word)) & 0xffff_ffffn);
      this.intake.take({ view, start: () => 0, end: () => datagram.length, senderWord }, 1);
    }
  }

  async text(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of makePage(await this.#collector.collect(), Format.TEXT)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  }

  async page(): Promise<Page> {
    return new Page(await this.text());
  }
}
