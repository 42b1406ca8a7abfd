import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { hashSync } from "bcryptjs";
import type { Report } from "../../src/status/report.ts";
import { PROMTAP } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { until } from "../support/waiting.ts";
import { TLS, WebFolder } from "./web-folder.ts";

const options = { skip: lacking("openssl", "curl", "prometheus"), timeout: 60_000 };
const folder = options.skip === false ? new WebFolder() : undefined;
after(() => folder?.[Symbol.dispose]());

/** The header of a pcap file without a frame, of Ethernet. */
const EMPTY_PCAP = Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex");
const USER = ["-u", "scraper:secret"];
const CONFIG = `${TLS}  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
basic_auth_users:
  scraper: ${hashSync("secret", 10)}
`;

/** A promtap that serves what it read of a file, on a free port. */
class Served implements AsyncDisposable {
  readonly #child: ChildProcess;
  #log = "";

  private constructor(config: string) {
    const flags = [
      "--read",
      folder!.path("empty.pcap"),
      "--web.listen-address",
      "127.0.0.1:0",
      "--web.config.file",
      config,
    ];
    writeFileSync(folder!.path("empty.pcap"), EMPTY_PCAP);
    const [program = "", ...args] = [...PROMTAP, ...flags];
    this.#child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child.stderr?.on("data", (data: Buffer) => (this.#log += data.toString()));
  }

  static async start(config: string): Promise<Served> {
    const served = new Served(config);
    await until("it listens", () => /msg=listening/.test(served.#log));
    return served;
  }

  get address(): string {
    return /msg=listening address=(\S+)/.exec(this.#log)![1]!;
  }

  curl(...args: readonly string[]): Promise<{ stdout: string }> {
    const url = `https://${this.address}/metrics`;
    return promisify(execFile)("curl", ["-sS", "--cacert", folder!.path("ca.crt"), ...args, url]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await once(this.#child, "close");
  }
}

const CERTIFICATE = ["cert", "key"].flatMap((kind) => [
  `--${kind}`,
  folder?.path(`client.${kind === "cert" ? "crt" : "key"}`) ?? "",
]);

test(
  "curl, openssl and Prometheus are served by TLS with certificate and password, and nobody else",
  options,
  async () => {
    const config = folder!.write(CONFIG);
    await using served = await Served.start(config);
    const status = ["-o", "/dev/null", "-w", "%{http_version} %{http_code}"];
    for (const version of ["1.1", "2"]) {
      const asked = await served.curl(...CERTIFICATE, ...USER, ...status, `--http${version}`);
      assert.equal(asked.stdout, `${version} 200`);
    }
    assert.match((await served.curl(...CERTIFICATE, ...USER, "--compressed")).stdout, /^promtap_build_info/m);
    assert.equal((await served.curl(...CERTIFICATE, ...status, "--http1.1")).stdout, "1.1 401");
    await assert.rejects(served.curl(...USER), /curl: \((?:16|18|35|52|55|56|92)\)/);
    await assert.rejects(served.curl(...CERTIFICATE, ...USER, "--tls-max", "1.1"), /curl: \(35\)/);

    const openssl = spawn(
      "openssl",
      ["s_client", "-connect", served.address, "-CAfile", folder!.path("ca.crt"), "-alpn", "h2"],
      {
        stdio: ["pipe", "pipe", "ignore"],
      },
    );
    openssl.stdin.end();
    let shown = "";
    openssl.stdout.on("data", (data: Buffer) => (shown += data.toString()));
    await once(openssl, "close");
    assert.match(shown, /Verify return code: 0 \(ok\)/);
    assert.match(shown, /ALPN protocol: h2/);

    await using prometheus = new Prometheus(served.address);
    await until("Prometheus has scraped it", async () => (await prometheus.value("up")) === 1);
    assert.ok(((await prometheus.value("promtap_build_info")) ?? 0) > 0);
    // A password that is another one is what counts for the next scrape, and no restart is needed for that.
    folder!.write(CONFIG.replace(/scraper: .*/, `scraper: ${hashSync("another", 4)}`));
    await until("Prometheus is not let in any more", async () => (await prometheus.value("up")) === 0);
    const asked = await served.curl(...CERTIFICATE, "-u", "scraper:another", ...status, "--http1.1");
    assert.equal(asked.stdout, "1.1 200");
  },
);

test("who has shown a certificate or a password is told addresses wherever they ask from", options, async () => {
  const ifGiven = `${TLS}  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n`;
  const config = folder!.write(ifGiven, "status.yml");
  await using served = await Served.start(config);
  const tellsAddresses = async (...args: readonly string[]): Promise<boolean> => {
    const url = `https://${served.address}/-/status.json`;
    const flags = ["-sS", "--cacert", folder!.path("ca.crt"), "-H", "Forwarded: for=192.0.2.1", ...args, url];
    const { stdout } = await promisify(execFile)("curl", flags);
    return (JSON.parse(stdout) as Report).tops.some(({ title }) => title === "addresses");
  };
  for (const version of ["--http1.1", "--http2"]) {
    assert.equal(await tellsAddresses(version), false);
    assert.equal(await tellsAddresses(version, ...CERTIFICATE), true);
  }
  folder!.write(`${TLS}basic_auth_users:\n  me: ${hashSync("secret", 4)}\n`, "status.yml");
  assert.equal(await tellsAddresses("-u", "me:secret"), true);
});

/** A Prometheus that scrapes one target by TLS and with a password. */
class Prometheus implements AsyncDisposable {
  readonly #child: ChildProcess;
  #log = "";

  constructor(target: string) {
    const [ca, cert, key] = ["ca.crt", "client.crt", "client.key"].map((name) => folder!.path(name));
    const config = folder!.path("prometheus.yml");
    writeFileSync(
      config,
      `global: { scrape_interval: 250ms, scrape_timeout: 250ms }
scrape_configs:
  - job_name: promtap
    scheme: https
    basic_auth: { username: scraper, password: secret }
    tls_config: { ca_file: "${ca}", cert_file: "${cert}", key_file: "${key}" }
    static_configs: [{ targets: ["${target}"] }]
`,
    );
    const flags = [`--config.file=${config}`, `--storage.tsdb.path=${folder!.path("data")}`];
    this.#child = spawn("prometheus", [...flags, "--web.listen-address=127.0.0.1:0"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child.stderr?.on("data", (data: Buffer) => (this.#log += data.toString()));
  }

  /** What a query gives; undefined if that is nothing, or Prometheus is not there yet. */
  async value(query: string): Promise<number | undefined> {
    const [, address] = /msg="Listening on" address=(\S+)/.exec(this.#log) ?? [];
    if (address === undefined) return undefined;
    const answer = await fetch(`http://${address}/api/v1/query?query=${query}`);
    const { data } = (await answer.json()) as { data?: { result: { value: [number, string] }[] } };
    const value = data?.result[0]?.value[1];
    return value === undefined ? undefined : Number(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await once(this.#child, "close");
  }
}
