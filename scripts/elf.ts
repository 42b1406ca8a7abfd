/*
 * What the build asks of an executable or a shared library: elf(5), 64 bits, little endian.
 */

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly lengthBytes: number;
  /** Index of the section with the names of this one. */
  readonly link: number;
  /** Number of records, if the section is a list of them. */
  readonly count: number;
}

const SHT_DYNSYM = 11;
const SHT_GNU_verneed = 0x6fff_fffe;
const PT_LOAD = 1;
const SYMBOL_BYTES = 24;

/** Versions of symbols that the file takes from other libraries, such as "GLIBC_2.28". */
export function neededVersions(elf: Buffer): string[] {
  const sections = sectionsOf(elf);
  return sections
    .filter(({ type }) => type === SHT_GNU_verneed)
    .flatMap((section) => versionsOf(elf, section, sections[section.link]!));
}

/** Where the code of a function that the file exports lies in it. Throws if it exports none of that name. */
export function offsetOfSymbol(elf: Buffer, name: string): number {
  const sections = sectionsOf(elf);
  const table = sections.find(({ type }) => type === SHT_DYNSYM);
  if (table !== undefined) {
    const names = sections[table.link]!;
    for (let at = table.offset; at < table.offset + table.lengthBytes; at += SYMBOL_BYTES) {
      // struct Elf64_Sym: st_name, st_info, st_other, st_shndx, st_value
      const nameAt = names.offset + elf.readUInt32LE(at);
      if (textAt(elf, nameAt) === name) return offsetOfAddress(elf, number64(elf, at + 8));
    }
  }
  throw new Error(`the file exports no ${name}`);
}

function sectionsOf(elf: Buffer): Section[] {
  if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1) throw new Error("no ELF file of 64 bits");
  const table = number64(elf, 0x28);
  const sectionBytes = elf.readUInt16LE(0x3a);
  return Array.from({ length: elf.readUInt16LE(0x3c) }, (_, index) => {
    const at = table + index * sectionBytes;
    return {
      type: elf.readUInt32LE(at + 4),
      offset: number64(elf, at + 24),
      lengthBytes: number64(elf, at + 32),
      link: elf.readUInt32LE(at + 40),
      count: elf.readUInt32LE(at + 44),
    };
  });
}

/** A record for each library (Elf64_Verneed), and for each a list of its versions (Elf64_Vernaux). */
function versionsOf(elf: Buffer, section: Section, names: Section): string[] {
  const versions: string[] = [];
  let library = section.offset;
  for (let index = 0; index < section.count; index++) {
    let version = library + elf.readUInt32LE(library + 8);
    for (let left = elf.readUInt16LE(library + 2); left > 0; left--) {
      versions.push(textAt(elf, names.offset + elf.readUInt32LE(version + 8)));
      version += elf.readUInt32LE(version + 12);
    }
    library += elf.readUInt32LE(library + 12);
  }
  return versions;
}

function offsetOfAddress(elf: Buffer, address: number): number {
  const table = number64(elf, 0x20);
  const segmentBytes = elf.readUInt16LE(0x36);
  for (let index = 0; index < elf.readUInt16LE(0x38); index++) {
    const at = table + index * segmentBytes;
    const start = number64(elf, at + 16);
    const isThere = address >= start && address < start + number64(elf, at + 32);
    if (elf.readUInt32LE(at) === PT_LOAD && isThere) return address - start + number64(elf, at + 8);
  }
  throw new Error(`the file holds no address ${address.toString(16)}`);
}

function textAt(elf: Buffer, offset: number): string {
  return elf.toString("latin1", offset, elf.indexOf(0, offset));
}

function number64(elf: Buffer, offset: number): number {
  return Number(elf.readBigUInt64LE(offset));
}
