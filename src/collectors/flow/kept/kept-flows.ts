import { ByteReader } from "../../../state/byte-reader.ts";
import { ByteWriter } from "../../../state/byte-writer.ts";
import type { FlowIntake } from "../flow-intake.ts";
import type { FlowLedger } from "../flow-ledger.ts";
import type { UdpIntake } from "../udp/udp-intake.ts";
import { domainsOf, readExporters, readTemplates, writeExporters, writeTemplates } from "./kept-exporters.ts";
import { type KeptTopic, readKafka, writeKafka } from "./kept-kafka.ts";
import { readLedger, writeLedger } from "./kept-ledger.ts";

/** Name of the section that flows are kept in. */
export const FLOWS_SECTION = "flows";

const Part = { LEDGER: "ledger", KAFKA: "kafka", EXPORTERS: "exporters", TEMPLATES: "templates" } as const;
const MAX_PARTS = 64;

/** All that counts flows. */
export interface FlowCounters {
  readonly ledger: FlowLedger;
  /** Keys of the labels of the ledger. */
  readonly labels: readonly string[];
  readonly udp: UdpIntake | undefined;
  readonly kafka: FlowIntake | undefined;
}

/*
 * The section of flows: number of parts, then of each its name as a text, its length, and its bytes. All of them are of
 * one moment, so that what is read again goes on where the counts end.
 */

/** What has been counted of flows, and of the topic up to where, as it is when this is called. */
export async function writeFlows(
  { ledger, labels, udp, kafka }: FlowCounters,
  topic: KeptTopic | undefined,
  nextTurn: () => Promise<unknown>,
): Promise<Uint8Array[]> {
  const parts = new Map<string, Uint8Array>();
  const ledgerTurns = writeLedger(ledger, labels);
  const firstTurn = ledgerTurns.next();
  if (kafka !== undefined && topic !== undefined) parts.set(Part.KAFKA, writeKafka(kafka, topic));
  if (udp !== undefined) {
    const domains = domainsOf(udp);
    parts.set(Part.EXPORTERS, writeExporters(udp));
    parts.set(Part.TEMPLATES, await endOf(writeTemplates(domains, udp.hasAddresses), nextTurn));
  }
  parts.set(Part.LEDGER, firstTurn.done === true ? firstTurn.value : await endOf(ledgerTurns, nextTurn));
  const head = new ByteWriter();
  head.number(parts.size);
  const pieces = [head.filled];
  for (const [name, bytes] of parts) {
    const part = new ByteWriter();
    part.text(name);
    part.number(bytes.length);
    pieces.push(part.filled, bytes);
  }
  return pieces;
}

/**
 * Adds what was kept to what has counted nothing; what is counted no more, and parts that nobody knows, are left out.
 * Returns how far which topic was counted. Throws an Error with the reason.
 */
export function readFlows(
  reader: ByteReader,
  { ledger, labels, udp, kafka }: FlowCounters,
  nowMs = Date.now(),
): KeptTopic | undefined {
  const parts = new Map<string, ByteReader>();
  for (let left = reader.whole(MAX_PARTS); left > 0; left--) {
    parts.set(reader.text(), new ByteReader(reader.bytes(reader.whole(Number.MAX_SAFE_INTEGER))));
  }
  const [counts, exporters, templates] = [Part.LEDGER, Part.EXPORTERS, Part.TEMPLATES].map((name) => parts.get(name));
  const topic = parts.get(Part.KAFKA);
  if (counts !== undefined) readLedger(counts, ledger, labels);
  if (exporters !== undefined && udp !== undefined) {
    const domains = readExporters(exporters, udp, nowMs);
    if (templates !== undefined) readTemplates(templates, domains, udp.hasAddresses);
  }
  return topic === undefined || kafka === undefined ? undefined : readKafka(topic, kafka);
}

async function endOf(turns: Generator<void, Uint8Array>, nextTurn: () => Promise<unknown>): Promise<Uint8Array> {
  for (;;) {
    const { done, value } = turns.next();
    if (done === true) return value;
    await nextTurn();
  }
}
