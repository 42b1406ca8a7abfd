import { type OwnFlag, usageError } from "../config/flag.ts";
import { messageOf } from "../errors.ts";
import { readBounded } from "../files/bounded-file.ts";

/** What `promtap top` is asked for. */
export interface TopOptions {
  /** Of the promtap to ask; null: the one of this machine, or a capture of its own if there is none. */
  readonly url: string | null;
  readonly user: string | null;
  readonly password: string | null;
  /** Certificates of authorities, in PEM. */
  readonly authorities: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  /** Print one look and end. */
  readonly isOnce: boolean;
  readonly isJson: boolean;
  /** Flags of promtap itself, for a capture of its own. */
  readonly flags: readonly string[];
}

/** Of certificates and passwords. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Of `top` itself; what belongs to no flag of these is promtap's. */
export const TOP_FLAGS = [
  { name: "url", value: "URL", help: "The promtap to ask: http://HOST:PORT, https://HOST:PORT or unix:/PATH." },
  { name: "user", value: "NAME", help: "The user to ask as." },
  { name: "password-file", value: "FILE", help: "The file with that user's password." },
  { name: "ca", value: "FILE", help: "Certificates of authorities to believe." },
  { name: "cert", value: "FILE", help: "The certificate to show." },
  { name: "key", value: "FILE", help: "The key of that certificate." },
  { name: "once", help: "Print one look and end." },
  { name: "json", help: "As JSON, with --once." },
] as const satisfies readonly OwnFlag[];
const SWITCHES = namesOf((flag) => !("value" in flag));
const VALUED = namesOf((flag) => "value" in flag);

function namesOf(isMeant: (flag: OwnFlag) => boolean): string[] {
  return TOP_FLAGS.filter(isMeant).map(({ name }) => name);
}

/** Reads the words behind `top`: its own flags, and those of promtap. Throws a usage error. */
export async function topOptionsOf(words: readonly string[]): Promise<TopOptions> {
  const own = new Map<string, string>();
  const flags: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const [, name = "", equals, glued = ""] = /^--([\w-]+)(=)?([^]*)$/.exec(word) ?? [];
    if (own.has(name)) throw usageError(`--${name} is given more than once`);
    if (SWITCHES.includes(name) && equals === undefined) own.set(name, "");
    else if (!VALUED.includes(name)) flags.push(word);
    else own.set(name, equals === undefined ? valueOf(word, words[++index]) : glued);
  }
  return judged(own, flags);
}

function valueOf(word: string, value: string | undefined): string {
  if (value === undefined || value.startsWith("--")) throw usageError(`${word} needs a value`);
  return value;
}

async function judged(own: ReadonlyMap<string, string>, flags: readonly string[]): Promise<TopOptions> {
  const url = own.get("url") ?? null;
  const remote = ["user", "password-file", "ca", "cert", "key"].find((name) => own.has(name));
  if (remote !== undefined && url === null) throw usageError(`--${remote} needs --url`);
  if (url !== null && !/^(?:https?:\/\/[^/]|unix:\/)/.test(url)) {
    throw usageError(`--url ${JSON.stringify(url)}: must be http://HOST:PORT, https://HOST:PORT or unix:/PATH`);
  }
  if (url !== null && flags.length > 0) throw usageError(`${flags[0]} is for a capture of its own: leave out --url`);
  if (own.has("user") !== own.has("password-file")) throw usageError("--user and --password-file need each other");
  if (own.has("cert") !== own.has("key")) throw usageError("--cert and --key need each other");
  if (own.has("json") && !own.has("once")) throw usageError("--json needs --once");
  return {
    url,
    user: own.get("user") ?? null,
    password: (await textOf(own, "password-file"))?.replace(/\r?\n$/, "") ?? null,
    authorities: await textOf(own, "ca"),
    certificate: await textOf(own, "cert"),
    key: await textOf(own, "key"),
    isOnce: own.has("once"),
    isJson: own.has("json"),
    flags,
  };
}

async function textOf(own: ReadonlyMap<string, string>, name: string): Promise<string | null> {
  const path = own.get(name);
  if (path === undefined) return null;
  try {
    return (await readBounded(path, MAX_FILE_BYTES)).bytes.toString();
  } catch (error) {
    throw usageError(`couldn't read ${path} of --${name}: ${messageOf(error)}`);
  }
}
