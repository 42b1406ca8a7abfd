import { type Config, configOf } from "../daemon/config.ts";
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
export async function play({ personality, argv }: Part, run: (config: Config) => Promise<void>): Promise<number> {
  const { style, flags, guise } = personality;
  const complain = (message: string): void =>
    void process.stderr.write(style.complaint(oneLine(message), guise.name, flags));
  let scanned: Scanned;
  let config: Config;
  try {
    scanned = style.scan(argv, flags);
    const { asked, given } = scanned;
    if (asked !== undefined) {
      process.stdout.write(textOf(asked, personality));
      return 0;
    }
    const missing = flags.find(({ name, isRequired }) => isRequired === true && !given.get(name)?.some(Boolean));
    if (missing !== undefined) {
      complain(`${style.spelling(missing.name)} is needed`);
      return 1;
    }
    config = { ...configOf(ourFlags(personality, given)), guise };
  } catch (error) {
    if (!(error instanceof PromtapError) || error.code !== ErrorCode.USAGE) throw error;
    complain(inOwnWords(personality, error.message));
    return style.status;
  }
  configureLog(config.logLevel, config.logFormat);
  const { unread = [] } = scanned;
  if (unread.length > 0) log.warn("these words have no effect", { words: unread.join(" ") });
  await run(config);
  return 0;
}

function textOf(asked: NonNullable<Scanned["asked"]>, { style, flags, guise: { name } }: Personality): string {
  if (asked === "help") return style.help(name, flags);
  if (asked === "version") return `${name}, version ${VERSION} (revision ${REVISION}) of promtap\n`;
  return differencesOf(manualText("personalities"), name);
}
