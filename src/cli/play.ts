import type { GivenFlags } from "../config/flag.ts";
import { type Config, configOf } from "../daemon/config.ts";
import { passesSockets } from "../daemon/systemd/passed-sockets.ts";
import { ErrorCode, PromtapError } from "../errors.ts";
import { configureLog, log } from "../log.ts";
import { differencesOf } from "../personalities/differences.ts";
import type { Part } from "../personalities/personalities.ts";
import { inOwnWords, ourFlags, type Personality } from "../personalities/personality.ts";
import type { Scanned } from "../personalities/style/style.ts";
import { REVISION, VERSION } from "../version.ts";
import { manualText } from "./manuals.ts";
import { oneLine } from "./one-line.ts";

/** Does what another program does for these arguments, and returns the exit status. Throws what `run` throws. */
export async function play(part: Part, run: (config: Config) => Promise<void>): Promise<number> {
  const { personality } = part;
  const { style, flags, guise } = personality;
  let read: Read;
  try {
    read = readPart(part);
  } catch (error) {
    if (!(error instanceof PromtapError) || error.code !== ErrorCode.USAGE) throw error;
    process.stderr.write(style.complaint(oneLine(error.message), guise.name, flags));
    return error instanceof FlagMissing ? 1 : style.status;
  }
  const { asked, config, unread = [] } = read;
  if (asked !== undefined) {
    process.stdout.write(textOf(asked, personality));
    return 0;
  }
  configureLog(config.logLevel, config.logFormat);
  if (unread.length > 0) log.warn("these words have no effect", { words: unread.join(" ") });
  await run({ ...config, servesSystemdSocket: passesSockets() });
  return 0;
}

/** What a command line says: what is to be printed, or what is to run. */
export type Read =
  | { readonly asked: NonNullable<Scanned["asked"]>; readonly config?: undefined; readonly unread?: undefined }
  | {
      readonly asked?: undefined;
      readonly config: Config;
      /** What it says in flags of ours. */
      readonly given: GivenFlags;
      readonly unread: readonly string[] | undefined;
    };

/** A flag without which the other program ends. */
class FlagMissing extends PromtapError {}

/** Reads a command line of another program. Throws a usage error, in its words. */
export function readPart({ personality, argv }: Part): Read {
  const { style, flags, guise } = personality;
  const { asked, given, unread } = inItsWords(personality, () => style.scan(argv, flags));
  if (asked !== undefined) return { asked };
  const missing = flags.find(({ name, isRequired }) => isRequired === true && !given.get(name)?.some(Boolean));
  if (missing !== undefined) throw new FlagMissing(ErrorCode.USAGE, `${style.spelling(missing.name)} is needed`);
  const ours = ourFlags(personality, given);
  return { config: { ...inItsWords(personality, () => configOf(ours)), guise }, given: ours, unread };
}

function inItsWords<T>(personality: Personality, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PromtapError) || error.code !== ErrorCode.USAGE) throw error;
    throw new PromtapError(ErrorCode.USAGE, inOwnWords(personality, error.message), { cause: error });
  }
}

function textOf(asked: NonNullable<Scanned["asked"]>, { style, flags, guise: { name } }: Personality): string {
  if (asked === "help") return style.help(name, flags);
  if (asked === "version") return `${name}, version ${VERSION} (revision ${REVISION}) of promtap\n`;
  return differencesOf(manualText("personalities"), name);
}
