import { dirname, basename, join } from "node:path";
import { messageOf } from "../errors.ts";
import { readBounded } from "../files/bounded-file.ts";
import { refusal } from "./permission.ts";
import { readSums, sumOf } from "./record.ts";

const MAX_PROGRAM_BYTES = 1024 * 1024 * 1024;
const MAX_SUMS_BYTES = 1024 * 1024;
/** ELF header: elf(5). */
const MAGIC = "\x7fELF";
const MACHINE_OFFSET = 18;
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

/** A program that takes the place of the one before. */
export interface ProgramFile {
  readonly content: Buffer;
  readonly sum: string;
}

/** Reads a program for this machine, whose sum is as it was given or as a file beside it says. Throws PromtapError. */
export async function readProgram(path: string, given: string | undefined): Promise<ProgramFile> {
  const content = await read(path, MAX_PROGRAM_BYTES);
  const isProgram = content.toString("latin1", 0, MAGIC.length) === MAGIC && content.length > MACHINE_OFFSET + 2;
  if (!isProgram) throw refusal("upgrade", `${path} is no program of Linux; unpack the tarball, and give its promtap`);
  if (content.readUInt16LE(MACHINE_OFFSET) !== MACHINES[process.arch]) {
    throw refusal("upgrade", `${path} is for another processor than this one, ${process.arch}`);
  }
  const sum = sumOf(content);
  const { wanted, source } = given === undefined ? await sumBeside(path) : { wanted: given, source: "--sha256" };
  if (sum !== wanted.toLowerCase()) {
    throw refusal("upgrade", `${path} is not what ${source} has: its SHA-256 is ${sum}, not ${wanted}`);
  }
  return { content, sum };
}

/** The sum that a file beside the program has for it. */
async function sumBeside(path: string): Promise<{ wanted: string; source: string }> {
  const sources = [`${path}.sha256`, join(dirname(path), "SHA256SUMS"), join(dirname(path), "sha256sums.txt")];
  for (const source of sources) {
    const text = await read(source, MAX_SUMS_BYTES).catch(() => undefined);
    if (text === undefined) continue;
    const sums = [...readSums(text.toString())];
    const named = sums.find(([name]) => basename(name) === basename(path));
    const [, wanted] = named ?? [];
    if (wanted !== undefined) return { wanted, source };
    // such a file may hold the digits alone
    const [alone] = /^[0-9a-fA-F]{64}(?=\s*$)/.exec(text.toString()) ?? [];
    if (source === sources[0] && alone !== undefined) return { wanted: alone, source };
  }
  throw refusal(
    "upgrade",
    `nothing tells the sum of ${path}: give --sha256 SUM, or put ${sources.map((each) => basename(each)).join(" or ")} beside it`,
  );
}

async function read(path: string, maxBytes: number): Promise<Buffer> {
  try {
    return (await readBounded(path, maxBytes)).bytes;
  } catch (error) {
    throw refusal("upgrade", `couldn't read ${path}: ${messageOf(error)}`);
  }
}
