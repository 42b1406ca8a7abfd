import { loadTree } from "../config/file/load.ts";
import { faultAt } from "../config/file/read-flags.ts";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { markOf, readBounded } from "../files/bounded-file.ts";
import type { Protection } from "../http/admission/access.ts";
import { protectionOf } from "./protection.ts";
import { type Pem, readSettings, type TlsSettings, type WebSettings } from "./settings.ts";
import { CLIENT_AUTHS } from "./tls-names.ts";

const MAX_FILE_BYTES = 2 ** 20;
const MAX_PEM_BYTES = 4 * 2 ** 20;

/** A file without a key; an empty one asks for nothing. */
const NOTHING = /^(?:---)?[ \t]*(?:#.*)?$/;

/** Reads a web configuration file. Throws PromtapError, or an Error if the file can't be read at the time. */
export async function loadSettings(path: string): Promise<WebSettings> {
  const text = (await read(path, MAX_FILE_BYTES)).toString();
  const root = text.split(/\r?\n/).every((line) => NOTHING.test(line))
    ? { kind: "mapping" as const, line: 1, column: 1, entries: [] }
    : await loadTree(text);
  if ("why" in root) throw faultAt(path, root.at, `yaml: ${root.why}`);
  return readSettings(path, root);
}

/** Reads certificate, key and authorities. Throws like `loadSettings`. */
export async function loadProtection(settings: TlsSettings, hasHttp2: boolean): Promise<Protection> {
  const { cert, key, clientCa, clientAuth } = settings;
  const pems = {
    cert: await readPem("cert_file", cert),
    key: await readPem("key_file", key),
  };
  if (clientCa !== undefined && "file" in clientCa && (await markOf(clientCa.file)) === "") {
    throw hostError(`failed to read client_ca_file (${clientCa.file}): no such file or directory`);
  }
  if (clientCa !== undefined && !CLIENT_AUTHS[clientAuth]!.asks) {
    throw hostError("client CA's have been configured without a Client Auth Policy; give client_auth_type");
  }
  const authorities = clientCa === undefined ? undefined : await readPem("client_ca_file", clientCa);
  return protectionOf(settings, hasHttp2, { ...pems, clientCa: authorities });
}

/** The files that settings name. */
export function filesIn({ tls }: WebSettings): string[] {
  return [tls?.cert, tls?.key, tls?.clientCa].flatMap((pem) => (pem !== undefined && "file" in pem ? [pem.file] : []));
}

async function readPem(name: string, pem: Pem): Promise<string> {
  if ("text" in pem) return pem.text;
  try {
    return (await readBounded(pem.file, MAX_PEM_BYTES)).bytes.toString();
  } catch (error) {
    throw new Error(`failed to read ${name} (${pem.file}): ${messageOf(error)}`, { cause: error });
  }
}

async function read(path: string, maxBytes: number): Promise<Buffer> {
  try {
    return (await readBounded(path, maxBytes)).bytes;
  } catch (error) {
    throw new Error(`couldn't read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function hostError(message: string): PromtapError {
  return new PromtapError(ErrorCode.HOST, message);
}
