import {
  type API,
  type Connection as ClientConnection,
  saslAuthenticateV1,
  saslHandshakeV1,
  SASLMechanisms,
  saslPlain,
  saslScramSha,
} from "@platformatic/kafka";
import type { Login } from "./security.ts";

/**
 * Rounds of SCRAM, as many as a tenth of a second holds. Kafka's own limit is 16384; a broker that asks for billions
 * would hold a thread, and with it the end of the process, for hours.
 */
const MAX_ROUNDS = 100_000;

const SCRAM_CRYPTO: typeof saslScramSha.defaultCrypto = {
  ...saslScramSha.defaultCrypto,
  async hi(definition, password, salt, rounds) {
    if (rounds > MAX_ROUNDS) throw new Error(`it asks for ${rounds} rounds of SCRAM`);
    return saslScramSha.hi(definition, password, salt, rounds);
  },
};

/** What a login needs of a connection. */
export interface Caller {
  readonly asClients: ClientConnection;
  call<Arguments extends unknown[], Answer>(api: API<Arguments, Answer>, ...values: Arguments): Promise<Answer>;
}

/** Logs in by SASL; returns after how many ms that is to be done again, 0 for never. */
export async function logIn(connection: Caller, { mechanism, user, password }: Login): Promise<number> {
  await connection.call(saslHandshakeV1.api, mechanism);
  const client = connection.asClients;
  const authenticate = saslAuthenticateV1.api;
  const { sessionLifetimeMs } =
    mechanism === SASLMechanisms.PLAIN
      ? await saslPlain.authenticate(authenticate, client, user, password)
      : await saslScramSha.authenticate(authenticate, client, algorithmOf(mechanism), user, password, SCRAM_CRYPTO);
  return Number(sessionLifetimeMs);
}

function algorithmOf(mechanism: string): saslScramSha.ScramAlgorithm {
  return mechanism === SASLMechanisms.SCRAM_SHA_512 ? "SHA-512" : "SHA-256";
}
