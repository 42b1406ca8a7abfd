import { type CommandLine, type GivenFlags, usageError } from "../../config/flag.ts";
import type { Config } from "../../daemon/config.ts";
import { loadConfig } from "../../daemon/loading.ts";
import { ErrorCode, PromtapError } from "../../errors.ts";
import { readBounded } from "../../files/bounded-file.ts";
import { configurationPath } from "../../install/places.ts";
import { streamsOf } from "../../install/units.ts";
import { PERSONALITIES, type PersonalityName } from "../../personalities/personalities.ts";
import { readPart } from "../play.ts";
import { scanCommandLine } from "../scan.ts";

/** What a command line comes to if a unit gives it. */
export interface AskedService {
  readonly config: Config;
  /** In flags of promtap, whatever program it is for. */
  readonly given: GivenFlags;
  /** What the unit is to give. */
  readonly words: readonly string[];
  /** Where systemd is to listen; undefined: the service does. */
  readonly streams: readonly string[] | undefined;
  /** Text of the configuration file that the words name. */
  readonly configuration: string | undefined;
}

const SOCKET_FLAG = "web.systemd-socket";
const FILE_FLAG = "config.file";
const ADDRESS_FLAGS = ["port", "web.listen-address"];
/** What ends, or reads what no service has. */
const NOT_SERVED = ["once", "check", "no-listen", "dump-program", "read", "help", "version"];
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** A service with flags of promtap; its configuration file is copied. Throws PromtapError. */
export async function ownService(argv: readonly string[]): Promise<AskedService> {
  const commandLine = scanCommandLine(argv);
  const { given } = commandLine;
  const strange = NOT_SERVED.find((name) => given.has(name));
  if (strange !== undefined) throw usageError(`--${strange} is not for a service`);
  const { config } = await loadConfig(commandLine);
  const file = given.get(FILE_FLAG)?.at(-1);
  const configuration = file === undefined ? undefined : await textOf(file);
  const streams = streamsOf(config.listen);
  const onSocket = streams === undefined ? undefined : passing(commandLine);
  const isPassed = onSocket !== undefined && (await isLegal(onSocket));
  const words = wordsOf(isPassed ? onSocket : commandLine);
  return { config, given, words, streams: isPassed ? streams : undefined, configuration };
}

/** A service with flags of another program, which know of no sockets that are passed: it serves on them anyway. */
export function otherService(name: PersonalityName, argv: readonly string[]): AskedService {
  const read = readPart({ personality: PERSONALITIES[name], argv });
  if (read.asked !== undefined) throw usageError(`--${read.asked} is not for a service`);
  const { config, given } = read;
  return { config, given, words: argv, streams: streamsOf(config.listen), configuration: undefined };
}

/** The command line of a service that is passed its sockets. */
function passing({ given, denied }: CommandLine): CommandLine {
  const kept = [...given].filter(([name]) => !ADDRESS_FLAGS.includes(name));
  return { given: new Map([...kept, [SOCKET_FLAG, [""]]]), denied };
}

/** Not if the configuration file says where to listen. */
async function isLegal(commandLine: CommandLine): Promise<boolean> {
  try {
    await loadConfig(commandLine);
    return true;
  } catch (error) {
    if (error instanceof PromtapError && error.code === ErrorCode.USAGE) return false;
    throw error;
  }
}

function wordsOf({ given, denied }: CommandLine): string[] {
  const own = new Map(given);
  if (own.has(FILE_FLAG)) own.set(FILE_FLAG, [configurationPath("promtap")]);
  return [
    ...[...own].flatMap(([name, texts]) => texts.map((text) => (text === "" ? `--${name}` : `--${name}=${text}`))),
    ...[...denied].map((name) => `--${name}=false`),
  ];
}

async function textOf(path: string): Promise<string> {
  const { bytes } = await readBounded(path, MAX_FILE_BYTES);
  return bytes.toString();
}
