import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseYaml } from "../../src/config/file/parse.ts";
import { faultAt } from "../../src/config/file/read-flags.ts";
import { readSettings, type WebSettings } from "../../src/web/settings.ts";
import { Certificates } from "../support/certificates.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

/** Certificate and key of a server on 127.0.0.1. */
export const TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/** A folder with web configuration files, and certificates for them. */
export class WebFolder implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly certificates = new Certificates(this.#folder.path);

  /** Makes a certificate that signs itself, `NAME.crt` with `NAME.key`, for these names, such as `DNS:a`. */
  addSelfSigned(name: string, subjectAltNames: string): void {
    const files = ["-keyout", this.path(`${name}.key`), "-out", this.path(`${name}.crt`)];
    const names = ["-days", "1", "-subj", `/CN=${name}`, "-addext", `subjectAltName=${subjectAltNames}`];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...key, ...files, ...names], { stdio: "pipe" });
  }

  path(name: string): string {
    return join(this.#folder.path, name);
  }

  /** Writes a file; returns its path. */
  write(text: string, name = "web.yml"): string {
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  /** What a file in the folder would say; in this thread, which is faster. */
  settings(text: string): WebSettings {
    const path = this.path("web.yml");
    const root = parseYaml(text);
    if ("why" in root) throw faultAt(path, root.at, `yaml: ${root.why}`);
    return readSettings(path, root);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
