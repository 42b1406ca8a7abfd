import type { IncomingMessage } from "node:http";
import type { TlsOptions, TLSSocket } from "node:tls";

/** How connections are protected. Another one is another object. */
export interface Protection {
  readonly options: TlsOptions;
  /** Whether HTTP/2 is offered. */
  readonly hasHttp2: boolean;
  /** When the certificate ends that is shown, in seconds since 1970. */
  readonly endsAt: number;
  /** Why a client is refused once the handshake is over, if it is. */
  refuses(socket: TLSSocket): string | undefined;
  /** Whether a client has shown a certificate of an authority that the settings name. */
  knows(socket: TLSSocket): boolean;
}

/** Why a request is refused; as what it is counted. */
export interface Refusal {
  readonly status: number;
  readonly reason: "password" | "password_queue" | "rate" | "web_config";
  readonly headers?: Readonly<Record<string, string>>;
}

/** What becomes of a request. */
export interface Judgement {
  /** Of the answer, instead of those of the same names; without a value they are left out. */
  readonly headers: ReadonlyMap<string, string>;
  readonly refusal?: Refusal;
  /** Whether whoever asks has shown a password. */
  readonly isKnown?: boolean;
}

/** Who may ask, and how connections are protected; either may change at any time. Neither method rejects. */
export interface Access {
  /** Whether connections are protected, as far as is known. */
  readonly isProtected: boolean;
  /** What protects a connection that begins now; undefined if nothing does. */
  protection(): Promise<Protection | undefined>;
  /** `client`: stands for whoever sends the request. */
  judge(request: IncomingMessage, client: string): Promise<Judgement>;
}
