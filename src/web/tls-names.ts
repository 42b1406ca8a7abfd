import type { SecureVersion } from "node:tls";

/** Versions by the names that exporters of Prometheus have for them, oldest first. */
export const VERSIONS: Readonly<Record<string, SecureVersion>> = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
};

/** Of TLS 1.3; they can't be chosen, there as here. */
export const FIXED_CIPHERS = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** Ciphers that may be chosen → what OpenSSL calls them, in the order in which they are preferred if none is. */
const CHOSEN_CIPHERS: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: "ECDHE-ECDSA-AES128-SHA",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: "ECDHE-RSA-AES128-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: "ECDHE-ECDSA-AES256-SHA",
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: "ECDHE-RSA-AES256-SHA",
};

/** All that may stand in a list of ciphers → what OpenSSL calls them. */
export const CIPHERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(FIXED_CIPHERS.map((name) => [name, name])),
  ...CHOSEN_CIPHERS,
};

export const DEFAULT_CIPHERS: readonly string[] = Object.values(CHOSEN_CIPHERS);

/** One of which HTTP/2 needs below TLS 1.3 (RFC 9113 section 9.2.2). */
export const HTTP2_CIPHERS = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];

/** Elliptic curves → what OpenSSL calls them. */
export const CURVES: Readonly<Record<string, string>> = {
  CurveP256: "P-256",
  CurveP384: "P-384",
  CurveP521: "P-521",
  X25519: "X25519",
};

/** What is asked of a client: a certificate, that there is one, that an authority knows it. */
export interface ClientAuth {
  readonly asks: boolean;
  readonly needs: boolean;
  readonly verifies: boolean;
}

const NO_CERTIFICATE: ClientAuth = { asks: false, needs: false, verifies: false };
const ANY_CERTIFICATE: ClientAuth = { asks: true, needs: true, verifies: false };

/** Policies by name; without one no certificate is asked for. */
export const CLIENT_AUTHS: Readonly<Record<string, ClientAuth>> = {
  "": NO_CERTIFICATE,
  NoClientCert: NO_CERTIFICATE,
  RequestClientCert: { asks: true, needs: false, verifies: false },
  RequireAnyClientCert: ANY_CERTIFICATE,
  RequireClientCert: ANY_CERTIFICATE,
  VerifyClientCertIfGiven: { asks: true, needs: false, verifies: true },
  RequireAndVerifyClientCert: { asks: true, needs: true, verifies: true },
};
