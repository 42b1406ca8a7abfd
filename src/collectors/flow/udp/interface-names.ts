import type { FileListener } from "../../../files/changing-file.ts";
import { MAX_NAME_LENGTH } from "../../../flows/interface-names.ts";
import { canonicalAddress, NamesFile, type NamesLine } from "./names-file.ts";

/** An address, the index of an interface, and its name; comments may follow. */
const LINE = /^\s*([0-9a-fA-F.:]+)\s+([0-9]{1,10})\s+([^\s#]+)/;

/** Index of an interface → its name, in UTF-8. */
export type NamesByIndex = ReadonlyMap<number, Uint8Array>;

/** Address of an exporter → names of its interfaces. */
export type InterfaceNamesFile = NamesFile<ReadonlyMap<string, NamesByIndex>>;

/** Throws PromtapError. */
export function openInterfaceNames(path: string, listener: FileListener): Promise<InterfaceNamesFile> {
  return NamesFile.open(path, namesOf, listener);
}

function namesOf(lines: readonly NamesLine[]): Map<string, NamesByIndex> {
  const all = new Map<string, Map<number, Uint8Array>>();
  for (const { number, text } of lines) {
    const [, exporter = "", index = "", name = ""] = LINE.exec(text) ?? [];
    const address = canonicalAddress(exporter);
    const bytes = Buffer.from(name);
    if (address === null || bytes.length > MAX_NAME_LENGTH) {
      const legal = `an address, the index of an interface and a name of up to ${MAX_NAME_LENGTH} bytes`;
      throw new Error(`line ${number} is not ${legal}`);
    }
    const names = all.get(address) ?? new Map<number, Uint8Array>();
    all.set(address, names.set(Number(index), bytes));
  }
  return all;
}
