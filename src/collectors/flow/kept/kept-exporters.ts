import { type Domain, type Exporter, Protocol, PROTOCOLS } from "../../../flows/exporter.ts";
import { Field, isField } from "../../../flows/flow.ts";
import { MAX_NAME_LENGTH } from "../../../flows/interface-names.ts";
import { type FieldSpec, Template, TEMPLATE_LIFE_MS } from "../../../flows/template.ts";
import { Verdict } from "../../../flows/verdict.ts";
import type { ByteReader } from "../../../state/byte-reader.ts";
import { ByteWriter } from "../../../state/byte-writer.ts";
import { Verdict as RecordVerdict } from "../records/flow-record.ts";
import type { KnownExporter } from "../udp/exporters.ts";
import type { UdpIntake } from "../udp/udp-intake.ts";

const MAX_EXPORTERS = 2 ** 14;
const MAX_DOMAINS = 2 ** 16;
const MAX_INTERFACES = 2 ** 16;
const MAX_RULES = 2 ** 12;
const MAX_TEMPLATES = 2 ** 17;
const MAX_FIELDS = 2 ** 16;
const MAX_LENGTH = 0xffff;
const MAX_WORD = 0xffff_ffff;

/** What counters stand for, so that others are not taken for them. */
const SHAPE = JSON.stringify([Object.keys(Verdict), Object.keys(RecordVerdict), PROTOCOLS]);
/** What fields stand for, and which are asked for; templates of others are learned again. */
function fieldsShape(hasAddresses: boolean): string {
  return JSON.stringify([Object.keys(Field), hasAddresses]);
}

/*
 * The part of what sends datagrams. Numbers and texts are those of ByteWriter.
 *
 *     shape: text | totals | "other": exporter | number of exporters | exporter ... |
 *
 *     exporter | address: text | datagrams | last seen | records of each protocol | interval |
 *              | number of interfaces that packets come in by | interface ... | number of domains | domain ... |
 *     domain   | protocol | id | lost | late | restarts | missed | has position | position, if so |
 *              | number of rules of sampling | rule ... |
 *              | number of interfaces with names | index, length, name: bytes ... |
 *
 * The part of their templates: those of each domain, in the order above.
 *
 *     shape: text | number of templates, id, is options, number of fields, length and field + 1 of each ... |
 */

/** What sends datagrams, as it is now: of each that is told apart, of those that are not, and of all together. */
export function writeExporters(intake: UdpIntake): Uint8Array {
  const { exporters, room } = intake;
  const writer = new ByteWriter();
  writer.text(SHAPE);
  for (const counts of [intake.verdicts, intake.refusals, intake.repeatedRecords]) writer.numbers(counts);
  // What waits for a template does not wait for the next run.
  writer.numbers([intake.notAllowed, room.held.dropped + room.held.count]);
  writer.numbers([room.refusedTemplates, room.refusedInterfaceNames, exporters.evictions]);
  writeExporter(writer, exporters.other);
  writer.number(exporters.count);
  for (const known of exporters.all()) writeExporter(writer, known);
  return writer.filled;
}

/** Domains in the order in which `writeExporters` has them. */
export function domainsOf({ exporters }: UdpIntake): Domain[] {
  return [...exporters.all()].flatMap(({ exporter }) => [...exporter.domains.values()]);
}

/** The templates of domains; what is yielded is followed by turns of others. */
export function* writeTemplates(domains: readonly Domain[], hasAddresses: boolean): Generator<void, Uint8Array> {
  const writer = new ByteWriter();
  writer.text(fieldsShape(hasAddresses));
  for (const { layouts } of domains) {
    writer.number(layouts.size);
    for (const [id, { template, isOptions }] of layouts) {
      const fields = template.fields();
      writer.numbers([id, isOptions ? 1 : 0, fields.length]);
      for (const { length, use } of fields) writer.numbers([length, use === undefined ? 0 : use.field + 1]);
    }
    yield;
  }
  return writer.filled;
}

/**
 * Adds what was kept to an intake that has heard of nobody. Returns where templates belong: undefined for those of what
 * is not heard any more, or was not for too long. Throws an Error with the reason.
 */
export function readExporters(reader: ByteReader, intake: UdpIntake, nowMs: number): (Domain | undefined)[] {
  if (reader.text() !== SHAPE) throw new Error("it counts other protocols or reasons than this version");
  for (const counts of [intake.verdicts, intake.refusals, intake.repeatedRecords]) {
    for (const index of counts.keys()) counts[index] = reader.count();
  }
  const { exporters, room } = intake;
  intake.notAllowed = reader.count();
  room.held.dropped = reader.count();
  const refused = { refusedTemplates: reader.count(), refusedInterfaceNames: reader.count() };
  const evictions = reader.count();
  const domains = readExporter(reader, intake, nowMs);
  for (let left = reader.whole(MAX_EXPORTERS); left > 0; left--) domains.push(...readExporter(reader, intake, nowMs));
  exporters.evictions = evictions;
  Object.assign(room, refused);
  return domains;
}

/** Gives domains the templates that they had. Throws an Error with the reason. */
export function readTemplates(
  reader: ByteReader,
  domains: readonly (Domain | undefined)[],
  hasAddresses: boolean,
): void {
  if (reader.text() !== fieldsShape(hasAddresses)) return;
  for (const domain of domains) {
    for (let left = reader.whole(MAX_TEMPLATES); left > 0; left--) {
      const id = reader.whole(MAX_LENGTH);
      const isOptions = reader.whole(1) === 1;
      const template = new Template(Array.from({ length: reader.whole(MAX_FIELDS) }, () => readField(reader)));
      if (template.minBytes === 0) throw new Error("it has a template of nothing");
      domain?.keep(id, { template, isOptions });
    }
  }
  if (reader.hasMore) throw new Error("it has templates of no domain");
}

function writeExporter(writer: ByteWriter, { name, datagrams, lastSeenMs, exporter }: KnownExporter): void {
  writer.text(name);
  writer.numbers([datagrams, lastSeenMs, ...exporter.records, exporter.interval]);
  writer.numbers([exporter.ingress.size, ...exporter.ingress.interfaces(), exporter.domains.size]);
  for (const domain of exporter.domains.values()) writeDomain(writer, domain);
}

function writeDomain(writer: ByteWriter, { protocol, id, sequence, samplers, interfaces }: Domain): void {
  const { lost, late, restarts, missed, position } = sequence;
  writer.numbers([protocol, id, lost, late, restarts, missed, position === undefined ? 0 : 1]);
  if (position !== undefined) writer.numbers([position.last, position.units, position.doubtful]);
  const rules = [...samplers.rules()];
  writer.number(rules.length);
  for (const { sampler, input, interval } of rules) writer.numbers([sampler, input, interval]);
  const names = [...interfaces.all()];
  writer.number(names.length);
  for (const [index, name] of names) {
    writer.numbers([index, name.length]);
    writer.bytes(name);
  }
}

/** Returns its domains. */
function readExporter(reader: ByteReader, { exporters }: UdpIntake, nowMs: number): (Domain | undefined)[] {
  const known = exporters.restored(reader.text());
  const datagrams = reader.count();
  const lastSeenMs = reader.count();
  // Neither are its sampling rates and names good for longer than its templates.
  const isFresh = nowMs - lastSeenMs <= TEMPLATE_LIFE_MS;
  const records = PROTOCOLS.map(() => reader.count());
  const interval = reader.count();
  const ingress = Array.from({ length: reader.whole(MAX_INTERFACES) }, () => reader.whole(MAX_WORD));
  if (known !== undefined) {
    known.datagrams += datagrams;
    known.lastSeenMs = Math.max(known.lastSeenMs, lastSeenMs);
    for (const [k, count] of records.entries()) known.exporter.records[k]! += count;
    if (isFresh) known.exporter.interval = interval;
    if (isFresh) for (const input of ingress) known.exporter.ingress.add(input);
  }
  return Array.from({ length: reader.whole(MAX_DOMAINS) }, () => {
    const domain = readDomain(reader, known?.exporter, isFresh);
    return isFresh ? domain : undefined;
  });
}

function readDomain(reader: ByteReader, exporter: Exporter | undefined, isFresh: boolean): Domain | undefined {
  const protocol = Object.values(Protocol)[reader.whole(PROTOCOLS.length - 1)]!;
  const id = reader.whole(MAX_WORD);
  const domain = exporter?.domain(protocol, id);
  const [lost, late, restarts, missed] = [reader.count(), reader.count(), reader.count(), reader.count()];
  if (domain !== undefined) Object.assign(domain.sequence, { lost, late, restarts, missed });
  if (reader.whole(1) === 1) {
    const position = { last: reader.whole(MAX_WORD), units: reader.whole(MAX_WORD), doubtful: reader.whole(MAX_WORD) };
    domain?.sequence.resume(position);
  }
  for (let left = reader.whole(MAX_RULES); left > 0; left--) {
    const rule = { sampler: reader.count(), input: reader.count(), interval: reader.count() };
    if (isFresh) domain?.samplers.keep(rule);
  }
  for (let left = reader.whole(MAX_INTERFACES); left > 0; left--) {
    const index = reader.whole(MAX_WORD);
    const name = reader.bytes(reader.whole(MAX_NAME_LENGTH));
    if (isFresh) domain?.interfaces.learn(index, name, 0, name.length);
  }
  return domain;
}

function readField(reader: ByteReader): FieldSpec {
  const length = reader.whole(MAX_LENGTH);
  const field = reader.whole(MAX_LENGTH) - 1;
  return { length, use: isField(field) ? { field, rank: 0 } : undefined };
}
