import { constants, X509Certificate } from "node:crypto";
import { createSecureContext, getCACertificates, type TlsOptions, type TLSSocket } from "node:tls";
import type { Protection } from "../http/admission/access.ts";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { namesOf } from "./client-names.ts";
import type { TlsSettings } from "./settings.ts";
import { CLIENT_AUTHS, DEFAULT_CIPHERS, FIXED_CIPHERS } from "./tls-names.ts";

/** What the settings name, as it was read. */
export interface Pems {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

/** Throws PromtapError if certificate and key are not sound, or not of one another. */
export function protectionOf(settings: TlsSettings, hasHttp2: boolean, pems: Pems): Protection {
  const { asks, needs, verifies } = CLIENT_AUTHS[settings.clientAuth]!;
  const options: TlsOptions = {
    ...contextOf(settings, pems),
    ALPNProtocols: hasHttp2 ? ["h2", "http/1.1"] : ["http/1.1"],
    requestCert: asks,
    // Left to `refuses`, which knows the other policies too.
    rejectUnauthorized: false,
    // A session that goes on has no certificate that could be looked at.
    ...(asks ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  };
  judge(options, pems);
  return {
    options,
    hasHttp2,
    endsAt: new X509Certificate(pems.cert).validToDate.getTime() / 1000,
    knows: (socket) =>
      verifies && pems.clientCa !== undefined && socket.authorized && socket.getPeerX509Certificate() !== undefined,
    refuses(socket: TLSSocket): string | undefined {
      const certificate = asks ? socket.getPeerX509Certificate() : undefined;
      if (certificate === undefined) {
        const isNeeded = needs || (asks && settings.clientSans !== undefined);
        return isNeeded ? "client didn't provide a certificate" : undefined;
      }
      if (verifies && !socket.authorized) return `its certificate is not trusted: ${String(socket.authorizationError)}`;
      const { clientSans } = settings;
      const isAllowed = clientSans === undefined || namesOf(certificate).some((name) => clientSans.includes(name));
      return isAllowed ? undefined : "could not find allowed SANs in client cert";
    },
  };
}

function contextOf(settings: TlsSettings, { cert, key, clientCa }: Pems): TlsOptions {
  const { minVersion, maxVersion, ciphers, curves, prefersOwnOrder, clientAuth } = settings;
  const chosen = ciphers.length > 0 ? ciphers.filter((name) => !FIXED_CIPHERS.includes(name)) : DEFAULT_CIPHERS;
  // What is older than TLS 1.2 signs with SHA-1, which OpenSSL refuses otherwise.
  const level = minVersion < "TLSv1.2" ? ["@SECLEVEL=0"] : [];
  return {
    cert,
    key,
    minVersion,
    maxVersion,
    ciphers: [...FIXED_CIPHERS, ...chosen, ...level].join(":"),
    honorCipherOrder: prefersOwnOrder,
    ...(curves.length > 0 ? { ecdhCurve: curves.join(":") } : {}),
    // Without authorities of its own, those of the host count.
    ...(CLIENT_AUTHS[clientAuth]!.verifies ? { ca: clientCa ?? getCACertificates("system") } : {}),
  };
}

function judge(options: TlsOptions, { clientCa }: Pems): void {
  try {
    createSecureContext(options);
  } catch (error) {
    throw new PromtapError(ErrorCode.HOST, `failed to load X509KeyPair: ${reasonOf(error)}`, { cause: error });
  }
  if (clientCa !== undefined) readCertificate(clientCa);
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new PromtapError(ErrorCode.HOST, `client_ca has no certificate: ${reasonOf(error)}`, { cause: error });
  }
}

/** OpenSSL says "error:05800074:x509 certificate routines::key values mismatch". */
function reasonOf(error: unknown): string {
  return messageOf(error).replace(/^error:[^:]*:(?:[^:]*:)*/, "");
}
