import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { hashSync } from "bcryptjs";
import { Certificates } from "../support/certificates.ts";
import { ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { Load } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const PORT = 9112;
const COST = 10;
const FRAMES = [ipv4Frame({ source: "10.0.0.1", destination: "192.0.2.1", protocol: PROTOCOL_UDP, lengthBytes: 100 })];
const COUNT = 'promacct_packet_size_bytes_all_count{interface="near"}';
const WEB_CONFIGURATION = `
tls_server_config: {cert_file: server.crt, key_file: server.key}
basic_auth_users: {prometheus: ${hashSync("secret", COST)}}
`;

test(
  "who guesses passwords, smuggles, floods and loiters costs no packet, and keeps nobody else from the page",
  { ...liveOptions("curl", "openssl"), timeout: 120_000 },
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    namespace.addVeth("near", "far");
    const certificates = new Certificates(folder.path);
    const web = join(folder.path, "web.yml");
    writeFileSync(web, "");
    await using promtap = await RunningPromtap.start(namespace, [
      "--engine=ring",
      "--interface=near",
      `--web.config.file=${web}`,
      `--web.listen-address=127.0.0.1:${PORT}`,
    ]);
    writeFileSync(web, WEB_CONFIGURATION);
    const asking = ["-sSf", "--max-time", "60", "--interface", "127.0.0.2", "--user", "prometheus:secret"];
    const ask = (): Page =>
      new Page(
        namespace.run("curl", ...asking, "--cacert", certificates.path("ca.crt"), `https://127.0.0.1:${PORT}/metrics`),
      );
    {
      await using _ = new Load(namespace, "far", FRAMES, "200us");
      const attacker = namespace.spawn([process.execPath, resolve(import.meta.dirname, "attacker.ts"), `${PORT}`]);
      try {
        await once(attacker.stdout!, "data");
        const [first, last] = [ask(), ask()];
        assert.ok(last.value(COUNT)! > first.value(COUNT)!);
        assert.equal(attacker.exitCode, null);
      } finally {
        attacker.kill("SIGKILL");
        await once(attacker, "close");
      }
    }
    const sent = namespace.statistic("far", "tx_packets");
    const page = await until("all is counted", () => {
      const found = ask();
      return found.value(COUNT)! >= sent && found;
    });
    assert.equal(page.value(COUNT), sent);
    assert.equal(page.sum("promtap_capture_lost_packets_total"), 0);
    for (const reason of ["password", "password_queue"]) {
      assert.ok(page.value(`promtap_web_refused_total{reason="${reason}"}`)! > 0);
    }
    const { status, stderr } = await promtap.stop();
    assert.equal(status, 0);
    assert.doesNotMatch(stderr, /level=error/);
  },
);
