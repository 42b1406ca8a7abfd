import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { SASLMechanismValue } from "@platformatic/kafka";
import { messageOf } from "../errors.ts";
import { readBounded } from "../files/bounded-file.ts";
import { KafkaError } from "./kafka-error.ts";

/** How to reach the brokers. */
export interface Brokers {
  readonly bootstrap: readonly Address[];
  /** Files in PEM; null for plain text. */
  readonly tls: { caPath: string | null; certPath: string | null; keyPath: string | null } | null;
  readonly sasl: { mechanism: SASLMechanismValue; user: string; passwordPath: string } | null;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a connection needs besides an address; what the options' files held is in it. */
export interface Security {
  readonly tls?: TlsOptions;
  readonly login?: Login;
}

export interface Login {
  readonly mechanism: SASLMechanismValue;
  readonly user: string;
  readonly password: string;
}

/** Several times what all authorities of a system take. */
const MAX_FILE_BYTES = 4 * 2 ** 20;

/** Reads the files that the brokers' options name. Throws KafkaError if one cannot be read. */
export async function loadSecurity({ tls, sasl }: Brokers): Promise<Security> {
  return {
    ...(tls !== null && { tls: await tlsOptions(tls) }),
    ...(sasl !== null && { login: await loginOf(sasl) }),
  };
}

async function tlsOptions({ caPath, certPath, keyPath }: NonNullable<Brokers["tls"]>): Promise<TlsOptions> {
  return {
    ...(caPath !== null && { ca: await read(caPath) }),
    ...(certPath !== null && { cert: await read(certPath) }),
    ...(keyPath !== null && { key: await read(keyPath) }),
  };
}

async function loginOf({ mechanism, user, passwordPath }: NonNullable<Brokers["sasl"]>): Promise<Login> {
  const password = (await read(passwordPath)).toString().split(/\r?\n/, 1)[0]!;
  return { mechanism, user, password };
}

async function read(path: string): Promise<Buffer> {
  try {
    return (await readBounded(path, MAX_FILE_BYTES)).bytes;
  } catch (error) {
    throw new KafkaError(`couldn't use ${path}: ${messageOf(error)}`, error);
  }
}
