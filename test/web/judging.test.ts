import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, truncateSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { after, describe, test } from "node:test";
import { ErrorCode } from "../../src/errors.ts";
import { loadProtection } from "../../src/web/load.ts";
import { WebFile } from "../../src/web/web-file.ts";
import { lacking } from "../support/requirements.ts";
import { TLS, WebFolder } from "./web-folder.ts";

const options = { skip: lacking("openssl") };
const folder = options.skip === false ? new WebFolder() : undefined;
after(() => folder?.[Symbol.dispose]());

/** Judges a file in that folder and those that it names, as `WebFile` does; returns whether it protects. */
async function judge(text: string): Promise<boolean> {
  const { tls, hasHttp2 } = folder!.settings(text);
  if (tls !== undefined) await loadProtection(tls, hasHttp2);
  return tls !== undefined;
}

/** What exporter-toolkit refuses, and a part of what it says then. */
const REFUSED: Readonly<Record<string, [text: string, message: RegExp]>> = {
  "no structure": ["hWkNKCp3fvIx3jKnsaBI\nTuEjdwNS8A2vYdFbiKqr\n", /:1:1: yaml/],
  "a key that there is not": [
    'tls_server_config:\n  cert_filse: "server.crt"\n',
    /:2:3: yaml: field "cert_filse" not found/,
  ],
  "an empty cert_file": [
    "tls_server_config:\n  cert_file: ''\n  key_file: server.key\n",
    /missing one of cert or cert_file/,
  ],
  "an empty cert": ["tls_server_config:\n  cert: ''\n  key_file: server.key\n", /missing one of cert or cert_file/],
  "an empty key_file": [
    "tls_server_config:\n  cert_file: server.crt\n  key_file: ''\n",
    /missing one of key or key_file/,
  ],
  "an empty key": ["tls_server_config:\n  cert_file: server.crt\n  key: ''\n", /missing one of key or key_file/],
  "both empty": [
    "tls_server_config:\n  cert_file: ''\n  key_file: ''\n  client_auth_type: x\n",
    /missing one of cert or/,
  ],
  "no certificate but authorities": [
    "tls_server_config:\n  client_ca_file: ca.crt\n",
    /missing one of cert or cert_file/,
  ],
  "a cert_file that there is not": ["tls_server_config:\n  cert_file: some\n  key_file: server.key\n", /no such file/],
  "a key_file that there is not": ["tls_server_config:\n  cert_file: server.crt\n  key_file: some\n", /no such file/],
  "a client_ca_file that there is not": [`${TLS}  client_ca_file: some\n`, /no such file/],
  "authorities without a policy": [
    `${TLS}  client_ca_file: /dev/null\n`,
    /client CA's have been configured without a Client Auth Policy/,
  ],
  "a policy that there is not": [`${TLS}  client_auth_type: Some\n`, /invalid ClientAuth: Some/],
  "a key of another certificate": [
    "tls_server_config:\n  cert_file: server.crt\n  key_file: client.key\n",
    /failed to load X509KeyPair/,
  ],
  "a certificate that is none": [
    "tls_server_config:\n  cert: some\n  key_file: server.key\n",
    /failed to load X509KeyPair/,
  ],
  "authorities that are none": [
    `${TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca: some\n`,
    /client_ca has no certificate/,
  ],
  "a user without a hash": [
    "basic_auth_users:\n  john: doe\n",
    /:2:9: .*hashedSecret too short to be a bcrypted password/,
  ],
  "a hash that begins with something else": [
    `basic_auth_users:\n  john: "${"x".repeat(60)}"\n`,
    /bcrypt hashes must start with '\$', but hashedSecret started with 'x'/,
  ],
  "a hash of a version to come": [
    `basic_auth_users:\n  john: "$3b$10$${"x".repeat(53)}"\n`,
    /bcrypt algorithm version '3' requested is newer than current version '2'/,
  ],
  "a hash that costs nothing": [
    `basic_auth_users:\n  john: "$2b$03$${"x".repeat(53)}"\n`,
    /cost 3 is outside allowed inclusive range 4\.\.31/,
  ],
  "an invented cipher": [
    `${TLS}  cipher_suites:\n  - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048\n`,
    /:5:5: unknown cipher: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048/,
  ],
  "a cipher that is not safe": [`${TLS}  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n`, /unknown cipher/],
  "an invented curve": [`${TLS}  curve_preferences:\n    - CurveP257\n`, /unknown curve: CurveP257/],
  "an invented version": [`${TLS}  min_version: TLS111\n`, /unknown TLS version: TLS111/],
  "versions the wrong way round": [
    `${TLS}  min_version: TLS13\n  max_version: TLS12\n`,
    /no supported versions satisfy MinVersion and MaxVersion/,
  ],
  "ciphers that HTTP/2 can't do with": [
    `${TLS}  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n  max_version: TLS12\n`,
    /TLSConfig\.CipherSuites is missing an HTTP\/2-required/,
  ],
  "a value of X-Content-Type-Options": [
    "http_server_config:\n  headers:\n    X-Content-Type-Options: sniff\n",
    /invalid value for X-Content-Type-Options\. Expected one of: \["nosniff"\], but got: "sniff"/,
  ],
  "a value of X-Frame-Options": [
    "http_server_config:\n  headers:\n    X-Frame-Options: foo\n",
    /invalid value for X-Frame-Options\. Expected one of: \["deny" "sameorigin"\]/,
  ],
  "a header that is not to be set": [
    "http_server_config:\n  headers:\n    Content-Type: foo\n",
    /HTTP header "Content-Type" can not be configured/,
  ],
  "a header that would be two": [
    'http_server_config:\n  headers:\n    X-XSS-Protection: "1\\r\\nA: b"\n',
    /invalid value for X-XSS-Protection/,
  ],
  "a duration without a unit": ["rate_limit:\n  interval: 1x\n", /time: invalid duration "1x"/],
  "a burst that is no number": ["rate_limit:\n  burst: many\n", /:2:10: yaml: legal is a whole number/],
  "a toggle that is none": ["http_server_config:\n  http2: maybe\n", /:2:10: yaml: legal is true or false/],
  "a list for a text": [`${TLS}  client_ca_file: [a]\n`, /:4:19: yaml: a list stands here/],
  "a text for a list": [`${TLS}  cipher_suites: a\n`, /:4:18: yaml: a text stands here/],
  "a text for keys": ["tls_server_config: a\n", /:1:20: yaml: a text stands here/],
  "a key twice": ["rate_limit:\n  burst: 1\n  burst: 2\n", /:3:3: yaml: the key is there twice/],
  "a second document": ["{}\n---\n{}\n", /yaml: a second document/],
};

describe("a web configuration file is refused in one line for", options, () => {
  for (const [what, [text, message]] of Object.entries(REFUSED)) {
    test(what, async () => {
      await assert.rejects(judge(text), (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
    });
  }

  for (const [what, make] of [
    ["a FIFO", (path: string) => void execFileSync("mkfifo", [path])],
    ["a folder", (path: string) => mkdirSync(path)],
    ["a device that never ends", (path: string) => symlinkSync("/dev/zero", path)],
    ["a file of 1 GB", (path: string) => truncateSync(folder!.write("", path.split("/").at(-1)), 2 ** 30)],
    ["nothing", () => {}],
  ] as const) {
    test(`${what} in its place, or in that of a file that it names`, async () => {
      const name = `odd-${what.replaceAll(" ", "-")}`;
      const path = folder!.path(name);
      make(path);
      const reason = /not a regular file|larger than|no such file/;
      await assert.rejects(
        WebFile.open(path, () => {}),
        { code: ErrorCode.HOST, message: reason },
      );
      for (const key of ["cert_file", "key_file", "client_ca_file"]) {
        const others = TLS.replace(new RegExp(`  ${key}.*\n`), "");
        const file = `${others}  ${key}: ${name}\n  client_auth_type: RequestClientCert\n`;
        await assert.rejects(judge(file), reason);
      }
    });
  }
});

/** What it takes, and whether it protects then. */
const TAKEN: Readonly<Record<string, [text: string, isProtected: boolean]>> = {
  "keys without values": ["tls_server_config:\nbasic_auth_users:\nhttp_server_config:\n  headers:\n", false],
  "settings that protect nothing": ["tls_server_config:\n  min_version: TLS13\n", false],
  "all ciphers": [
    `${TLS}  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]\n`,
    true,
  ],
  "all curves": [`${TLS}  curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]\n`, true],
  "all versions": [`${TLS}  min_version: TLS10\n  max_version: TLS13\n`, true],
  "ciphers without HTTP/2": [
    `${TLS}  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n  max_version: TLS12\nhttp_server_config:\n  http2: off\n`,
    true,
  ],
  "ciphers of TLS 1.3 alone": [`${TLS}  min_version: TLS13\n  cipher_suites: [TLS_AES_128_GCM_SHA256]\n`, true],
  "no limit of the rate": ["rate_limit:\n  interval: 0\n  burst: 0\n", false],
};

describe("a web configuration file may have", options, () => {
  for (const [what, [text, isProtected]] of Object.entries(TAKEN)) {
    test(what, async () => {
      assert.equal(await judge(text), isProtected);
    });
  }

  for (const text of ["", "---\n# none\n"]) {
    test(`no key at all, as ${JSON.stringify(text)}`, async () => {
      await using file = await WebFile.open(folder!.write(text), () => {});
      assert.equal(file.isProtected, false);
    });
  }

  for (const policy of ["NoClientCert", "RequestClientCert", "RequireClientCert", "VerifyClientCertIfGiven"]) {
    test(`the policy ${policy}`, async () => {
      assert.equal(await judge(`${TLS}  client_auth_type: ${policy}\n`), true);
    });
  }

  test("certificate and key in it", async () => {
    const indented = (name: string): string =>
      readFileSync(folder!.path(name), "utf8").replace(/^/gm, "    ").trimEnd();
    assert.equal(
      await judge(`tls_server_config:\n  cert: |\n${indented("server.crt")}\n  key: |\n${indented("server.key")}\n`),
      true,
    );
  });
});
