import { dirname, isAbsolute, join } from "node:path";
import type { SecureVersion } from "node:tls";
import type { MappingNode, Node } from "../config/file/tree.ts";
import { bcryptFault } from "./bcrypt-hash.ts";
import { parseDuration } from "./duration.ts";
import { CIPHERS, CLIENT_AUTHS, CURVES, HTTP2_CIPHERS, VERSIONS } from "./tls-names.ts";
import { TreeReader } from "./tree-reader.ts";

/** What a web configuration file says. */
export interface WebSettings {
  /** Undefined: connections are not protected. */
  readonly tls: TlsSettings | undefined;
  readonly hasHttp2: boolean;
  /** Headers of every answer, by name. */
  readonly headers: ReadonlyMap<string, string>;
  /** User → hash of the password; empty: nobody is asked for one. */
  readonly users: ReadonlyMap<string, string>;
  /** Undefined: any rate of requests. */
  readonly rate: Rate | undefined;
}

/** One request an interval, and so many at once. */
export interface Rate {
  readonly intervalMs: number;
  readonly burst: number;
}

/** Something in PEM: a file, or what would be in it. */
export type Pem = { readonly file: string } | { readonly text: string };

export interface TlsSettings {
  readonly cert: Pem;
  readonly key: Pem;
  readonly clientCa: Pem | undefined;
  /** A key of CLIENT_AUTHS. */
  readonly clientAuth: string;
  /** Names of which the certificate of a client must have one. */
  readonly clientSans: readonly string[] | undefined;
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  /** In the words of OpenSSL, as curves; empty: the default. */
  readonly ciphers: readonly string[];
  readonly curves: readonly string[];
  readonly prefersOwnOrder: boolean;
}

/** Header → the values that it may have, if not any. */
const HEADERS: Readonly<Record<string, readonly string[]>> = {
  "Strict-Transport-Security": [],
  "X-Content-Type-Options": ["nosniff"],
  "X-Frame-Options": ["deny", "sameorigin"],
  "X-XSS-Protection": [],
  "Content-Security-Policy": [],
};

/** Characters that a value of a header may have (RFC 9110 section 5.5). */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Judges a file, all but the files that it names. Throws a usage error that begins with FILE:LINE:COLUMN. */
export function readSettings(path: string, root: MappingNode): WebSettings {
  return new SettingsReader(path).read(root);
}

class SettingsReader extends TreeReader {
  readonly #folder: string;
  readonly #texts = new Map<string, string>();
  readonly #users = new Map<string, string>();
  readonly #headers = new Map<string, string>();
  #tls: Node | undefined;
  #hasHttp2 = true;
  #prefersOwnOrder = true;
  #intervalMs = 0;
  #burst = 0;
  #sans: readonly string[] | undefined;
  #ciphers: readonly string[] = [];
  #curves: readonly string[] = [];
  #minVersion = "TLS12";
  #maxVersion = "TLS13";

  constructor(path: string) {
    super(path);
    this.#folder = dirname(path);
  }

  read(root: MappingNode): WebSettings {
    this.keys(root, {
      tls_server_config: (node) => this.#readTls(node),
      http_server_config: (node) =>
        this.keys(node, {
          http2: (value) => (this.#hasHttp2 = this.toggle(value)),
          headers: (value) => this.texts(value, (name, text, at) => this.#readHeader(name, text, at)),
        }),
      basic_auth_users: (node) => this.texts(node, (user, hash, at) => this.#readUser(user, hash, at)),
      rate_limit: (node) =>
        this.keys(node, {
          interval: (value) => (this.#intervalMs = this.#duration(value)),
          burst: (value) => (this.#burst = this.whole(value)),
        }),
    });
    const isLimited = this.#intervalMs > 0;
    return {
      tls: this.#judgeTls(root),
      hasHttp2: this.#hasHttp2,
      headers: this.#headers,
      users: this.#users,
      rate: isLimited ? { intervalMs: this.#intervalMs, burst: this.#burst } : undefined,
    };
  }

  #readTls(node: Node): void {
    this.#tls = node;
    const textOf = (key: string) => (value: Node) => void this.#texts.set(key, this.text(value));
    const texts = ["cert", "key", "client_ca", "cert_file", "key_file", "client_ca_file", "client_auth_type"];
    this.keys(node, {
      ...Object.fromEntries(texts.map((key) => [key, textOf(key)])),
      cipher_suites: (value) => (this.#ciphers = this.#names(value, "cipher", CIPHERS)),
      curve_preferences: (value) => (this.#curves = this.#names(value, "curve", CURVES)),
      min_version: (value) => (this.#minVersion = this.#version(value)),
      max_version: (value) => (this.#maxVersion = this.#version(value)),
      prefer_server_cipher_suites: (value) => (this.#prefersOwnOrder = this.toggle(value)),
      client_allowed_sans: (value) => (this.#sans = this.list(value).map(({ text }) => text)),
    });
  }

  #judgeTls(root: Node): TlsSettings | undefined {
    const at = this.#tls ?? root;
    const clientAuth = this.#texts.get("client_auth_type") ?? "";
    const [cert, key, clientCa] = ["cert", "key", "client_ca"].map((name) => this.#pem(name));
    if ([cert, key, clientCa].every((pem) => pem === undefined) && clientAuth === "") return undefined;
    if (cert === undefined) throw this.fault(at, "missing one of cert or cert_file");
    if (key === undefined) throw this.fault(at, "missing one of key or key_file");
    if (!Object.hasOwn(CLIENT_AUTHS, clientAuth)) {
      const legal = Object.keys(CLIENT_AUTHS).filter((name) => name !== "");
      throw this.fault(at, `invalid ClientAuth: ${clientAuth}; legal is ${legal.join(", ")}`);
    }
    this.#judgeCiphers(at);
    return {
      cert,
      key,
      clientCa,
      clientAuth,
      clientSans: this.#sans,
      minVersion: VERSIONS[this.#minVersion]!,
      maxVersion: VERSIONS[this.#maxVersion]!,
      ciphers: this.#ciphers.map((name) => CIPHERS[name]!),
      curves: this.#curves.map((name) => CURVES[name]!),
      prefersOwnOrder: this.#prefersOwnOrder,
    };
  }

  #judgeCiphers(at: Node): void {
    const versions = Object.keys(VERSIONS);
    if (versions.indexOf(this.#minVersion) > versions.indexOf(this.#maxVersion)) {
      throw this.fault(at, "tls: no supported versions satisfy MinVersion and MaxVersion");
    }
    const needsCipher = this.#hasHttp2 && this.#ciphers.length > 0 && this.#minVersion !== "TLS13";
    if (needsCipher && !HTTP2_CIPHERS.some((name) => this.#ciphers.includes(name))) {
      const missing = "TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher";
      throw this.fault(at, `http2: ${missing} (need at least one of ${HTTP2_CIPHERS.join(" or ")})`);
    }
  }

  /** The file counts if both are given. */
  #pem(name: string): Pem | undefined {
    const file = this.#texts.get(`${name}_file`) ?? "";
    const text = this.#texts.get(name) ?? "";
    if (file !== "") return { file: isAbsolute(file) ? file : join(this.#folder, file) };
    return text === "" ? undefined : { text };
  }

  #names(node: Node, what: string, known: Readonly<Record<string, string>>): string[] {
    return this.list(node).map(({ text, at }) => {
      if (Object.hasOwn(known, text)) return text;
      throw this.fault(at, `unknown ${what}: ${text}; there are ${Object.keys(known).join(", ")}`);
    });
  }

  #version(node: Node): string {
    const text = this.text(node);
    if (Object.hasOwn(VERSIONS, text)) return text;
    throw this.fault(node, `unknown TLS version: ${text}; there are ${Object.keys(VERSIONS).join(", ")}`);
  }

  #duration(node: Node): number {
    const text = this.text(node);
    const duration = parseDuration(text);
    if (duration !== undefined) return duration;
    throw this.fault(node, `yaml: time: invalid duration ${JSON.stringify(text)}; give one as in 1s or 1m30s`);
  }

  #readHeader(name: string, value: string, at: Node): void {
    const legal = Object.hasOwn(HEADERS, name) ? HEADERS[name]! : undefined;
    if (legal === undefined) {
      const names = Object.keys(HEADERS).join(", ");
      throw this.fault(at, `HTTP header ${JSON.stringify(name)} can not be configured; there are ${names}`);
    }
    if (legal.length > 0 && !legal.includes(value)) {
      const expected = legal.map((each) => JSON.stringify(each)).join(" ");
      const got = JSON.stringify(value);
      throw this.fault(at, `invalid value for ${name}. Expected one of: [${expected}], but got: ${got}`);
    }
    if (!HEADER_VALUE.test(value)) throw this.fault(at, `invalid value for ${name}: no header can have it`);
    this.#headers.set(name, value);
  }

  #readUser(user: string, hash: string, at: Node): void {
    const fault = bcryptFault(hash);
    if (fault !== undefined) throw this.fault(at, `${fault}; make one with htpasswd -nBC 10 ""`);
    this.#users.set(user, hash);
  }
}
