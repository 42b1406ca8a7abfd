import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Certificates in a folder that are good for a day: an authority's, one of a server on 127.0.0.1, one of a client. */
export class Certificates {
  readonly #folder: string;

  /** Makes them with openssl. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const authority of ["ca", "stranger"]) this.#makeAuthority(authority);
    this.#makeLeaf("server", "subjectAltName=IP:127.0.0.1,DNS:localhost");
    this.#makeLeaf("client", "extendedKeyUsage=clientAuth");
    // The key and the chain in one file, as Kafka wants them.
    const chain = ["server.key", "server.crt", "ca.crt"].map((name) => readFileSync(this.path(name), "utf8"));
    writeFileSync(this.path("server.pem"), chain.join(""));
  }

  /** `ca.crt`, `stranger.crt` (an authority that signed none of them), `client.crt`, `client.key`, `server.pem`. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  #makeAuthority(name: string): void {
    const files = ["-keyout", this.path(`${name}.key`), "-out", this.path(`${name}.crt`)];
    this.#openssl("req", "-x509", ...NEW_KEY, ...files, "-days", "1", "-subj", `/CN=promtap test ${name}`);
  }

  #makeLeaf(name: string, extension: string): void {
    const request = this.path(`${name}.csr`);
    const extensions = this.path(`${name}.ext`);
    writeFileSync(extensions, `${extension}\n`);
    this.#openssl("req", ...NEW_KEY, "-keyout", this.path(`${name}.key`), "-out", request, "-subj", `/CN=${name}`);
    const authority = ["-CA", this.path("ca.crt"), "-CAkey", this.path("ca.key"), "-CAcreateserial"];
    const issue = ["-days", "1", "-extfile", extensions, "-out", this.path(`${name}.crt`)];
    this.#openssl("x509", "-req", "-in", request, ...authority, ...issue);
    chmodSync(this.path(`${name}.key`), 0o600);
  }

  #openssl(...args: readonly string[]): void {
    execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });
  }
}

/** Without a passphrase, in PKCS #8. */
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
