import type { FileListener } from "../../../files/changing-file.ts";
import { MAX_NAME_LENGTH } from "../../../flows/interface-names.ts";
import { canonicalAddress, NamesFile, type NamesLine } from "./names-file.ts";

/** As in /etc/hosts: an address and a name; more names and comments may follow. */
const LINE = /^\s*([0-9a-fA-F.:]+)\s+([^\s#]+)/;

/** Address of an exporter → its name. */
export type ExporterNames = NamesFile<ReadonlyMap<string, string>>;

/** Throws PromtapError. */
export function openExporterNames(path: string, listener: FileListener): Promise<ExporterNames> {
  return NamesFile.open(path, (lines) => new Map(lines.map(entryOf)), listener);
}

function entryOf(line: NamesLine): [string, string] {
  const [, text = "", name = ""] = LINE.exec(line.text) ?? [];
  const address = canonicalAddress(text);
  if (address === null || Buffer.byteLength(name) > MAX_NAME_LENGTH) {
    throw new Error(`line ${line.number} is no address with a name of up to ${MAX_NAME_LENGTH} bytes behind it`);
  }
  return [address, name];
}
