import { type CommandLine, type Flag, type GivenFlags, spellingOf, usageError } from "../flag.ts";
import { messageOf, PromtapError } from "../../errors.ts";
import { faultAt, type FileFlags } from "./read-flags.ts";
import type { FileText } from "./tree.ts";

/** What is in force. */
export interface Merged {
  readonly given: GivenFlags;
  /** What the command line has in another way than the file, a line each. */
  readonly differences: readonly string[];
}

/** Flags of the command line win over those of the file, and so do those that exclude what the file says. */
export function merge({ given, denied }: CommandLine, file: FileFlags, flags: readonly Flag[]): Merged {
  const merged = new Map(given);
  const differences: string[] = [];
  for (const [name, texts] of file.texts) {
    const flag = flags.find((each) => each.name === name)!;
    const winner = winnerOver(flag, given, denied, flags);
    if (winner === undefined) {
      const values = texts.map(({ text }) => text);
      merged.set(name, values);
    } else if (winner !== name || !isSame(given.get(name), texts)) {
      differences.push(`${file.path}:${texts[0]!.line}: ${flag.key} is not in force: the command line has --${winner}`);
    }
  }
  return { given: merged, differences };
}

/** The flag of the command line that stands instead of one of the file. */
function winnerOver(
  flag: Flag,
  given: GivenFlags,
  denied: ReadonlySet<string>,
  flags: readonly Flag[],
): string | undefined {
  if (given.has(flag.name)) return flag.name;
  if (denied.has(flag.name)) return `${flag.name}=false`;
  const excluding = flags.find(
    (other) => given.has(other.name) && (other.excludes?.[flag.name] ?? flag.excludes?.[other.name]) !== undefined,
  );
  return excluding?.name;
}

function isSame(given: readonly string[] | undefined, texts: readonly FileText[]): boolean {
  return given?.length === texts.length && texts.every(({ text }, index) => text === given[index]);
}

/** Runs what judges flags together; what it throws of a flag in the file begins with the place there. */
export function judgeWith<T>(file: FileFlags, given: GivenFlags, flags: readonly Flag[], judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    if (!(error instanceof PromtapError) || error.exitStatus !== 2) throw error;
    const message = messageOf(error);
    const place = placeOf(message, file, given, flags);
    throw place === undefined ? usageError(message) : faultAt(file.path, place, message);
  }
}

/** Where the file has the first flag that a message names, unless the command line has it. */
function placeOf(message: string, file: FileFlags, given: GivenFlags, flags: readonly Flag[]): FileText | undefined {
  for (const [word, value] of message.matchAll(/(?<=^|\s)--?[\w.-]*\w(?: "((?:[^"\\]|\\.)*)")?/g)) {
    const spelling = word.split(" ")[0]!;
    const flag = flags.find((each) => spellingOf(each) === spelling || `--${each.name}` === spelling);
    const texts = flag === undefined || given.has(flag.name) ? undefined : file.texts.get(flag.name);
    if (texts !== undefined) return texts.find(({ text }) => JSON.stringify(text) === `"${value}"`) ?? texts[0];
  }
  return undefined;
}
