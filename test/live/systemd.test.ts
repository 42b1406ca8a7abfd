import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Certificates } from "../support/certificates.ts";
import { BootedMachine, lackingBoot } from "../support/machine.ts";
import { Page } from "../support/page.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

/** It runs as a binary does, whose copies take each other's place. */
const BINARY = process.env["PROMTAP"];
const skip = BINARY === undefined ? "needs PROMTAP, a binary" : lackingBoot();
const TIMEOUT_MS = 300_000;

const UNIT = "promtap.service";
const LATE = "192.0.2.9";
const CONFIGURATION = "interfaces: ['veth*']\nengine: bpf\nstate:\n  interval: 1\n";
const FLAGS = [
  "--config.file=/etc/promtap/promtap.yml",
  "--state=promtap.state",
  "--web.listen-address=127.0.0.1:9112",
  `--web.listen-address=${LATE}:9112`,
];
/** What a machine that nobody waits for has: no long pauses, and a watchdog that bites soon. */
const SOON = "[Service]\nRestartSec=100ms\nWatchdogSec=3s\nTimeoutAbortSec=1s\n";
const HANGING = `
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "check") == 0) return 0;
  for (;;) pause();
}
`;
/** Upgrades where there is no room for another program, and lists what is there then. */
const ON_FULL_DISK = `
mkdir /tmp/full
mount -t tmpfs -o size=1m tmpfs /tmp/full
touch /tmp/full/promtap
mount --bind /usr/local/bin/promtap /tmp/full/promtap
mount --rbind /tmp/full /usr/local/bin
promtap upgrade /root/better 2>&1 || ls /usr/local/bin
`;
const KILLED_AT = `
mkfifo /run/told
promtap upgrade /root/better >/run/told &
while read -r line; do
  case "$line" in "$1"*) kill -KILL $!; break ;; esac
done </run/told
wait $!
rm /run/told
`;
/** The password is "secret". */
const WEB_CONFIGURATION = `
tls_server_config: {cert_file: server.crt, key_file: server.key}
basic_auth_users: {prometheus: $2b$04$Z/2jaX8Hest3qwgmbthZ6.rLoeMiofEsR7bl47OHNA7XiwauLhT/W}
`;
const RELOADED = "promtap_config_last_reload_success_timestamp_seconds";
const WRITTEN = "promtap_state_last_write_timestamp_seconds";
const COUNT = 'promacct_packet_size_bytes_all_count{interface="veth0"}';

function page(machine: BootedMachine, address = "127.0.0.1"): Page {
  return new Page(machine.run("curl", "-sSf", "--max-time", "10", `${address}:9112/metrics`));
}

/** Waits for a page that is as it should be. */
async function pageWhere(machine: BootedMachine, what: string, condition: (page: Page) => boolean): Promise<Page> {
  return until(what, () => {
    const found = page(machine);
    return condition(found) && found;
  });
}

function pageOnceUp(machine: BootedMachine): Promise<Page> {
  return pageWhere(
    machine,
    "the interface is up",
    (each) => each.value('promtap_interface_up{interface="veth0"}') === 1,
  );
}

async function restarted(machine: BootedMachine, former: string): Promise<void> {
  await until("it was started again", () => {
    const [pid, state] = [machine.property(UNIT, "MainPID"), machine.property(UNIT, "ActiveState")];
    return pid !== "0" && pid !== former && state === "active";
  });
}

function addInterface(machine: BootedMachine): void {
  machine.run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1");
  for (const name of ["veth0", "veth1"]) machine.run("ip", "link", "set", name, "up");
}

/** A program that is another one by its sum; what it holds besides has no meaning. */
function writeProgram(machine: BootedMachine, name: string, from: string): void {
  const path = machine.at(join("root", name));
  mkdirSync(machine.at("root"), { recursive: true });
  copyFileSync(from, path);
  appendFileSync(path, "another");
  chmodSync(path, 0o755);
  const sum = createHash("sha256").update(readFileSync(path)).digest("hex");
  writeFileSync(`${path}.sha256`, `${sum}  ${name}\n`);
}

/** A program that judges any configuration as sound, and never gets ready. */
function writeHanging(machine: BootedMachine, name: string): void {
  using folder = new TemporaryFolder();
  const path = join(folder.path, name);
  execFileSync("g++", ["-x", "c++", "-o", path, "-"], { input: HANGING, stdio: ["pipe", "pipe", "pipe"] });
  writeProgram(machine, name, path);
}

/** Kills an upgrade when it tells that it is about to do something. */
function killUpgrade(machine: BootedMachine, line: string): void {
  machine.run("sh", "-c", KILLED_AT, "sh", line);
}

/** Has it read another configuration. Before version 253, systemd may not wait for that. */
async function reload(machine: BootedMachine, configuration: string, status: RegExp): Promise<void> {
  machine.write("etc/promtap/promtap.yml", configuration);
  const before = page(machine).value(RELOADED);
  machine.run("systemctl", "reload", UNIT);
  const hasReloaded = (each: Page): boolean =>
    each.value(RELOADED) !== before || each.value("promtap_config_last_reload_successful") === 0;
  await pageWhere(machine, "the configuration is read", hasReloaded);
  await until(`the status is ${status}`, () => status.test(machine.property(UNIT, "StatusText")));
}

function sumOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

test(
  "a real systemd starts, reloads, supervises and upgrades what is installed",
  { skip, timeout: TIMEOUT_MS },
  async (t) => {
    await using machine = new BootedMachine();
    machine.write("etc/promtap/promtap.yml", CONFIGURATION);
    machine.write("etc/systemd/system/promtap.service.d/soon.conf", SOON);
    execFileSync(BINARY!, ["install", "--root", machine.root, "--", ...FLAGS], { stdio: "pipe" });
    await machine.boot();

    await t.test(
      "an image starts it with the machine, without root's rights, and with no more than it needs",
      async () => {
        await until("it is ready", () => machine.property(UNIT, "ActiveState") === "active");
        assert.match(machine.property(UNIT, "StatusText"), /^engine bpf, /);
        const pid = machine.property(UNIT, "MainPID");
        const status = machine.run("cat", `/proc/${pid}/status`);
        assert.doesNotMatch(status, /^Uid:\s+0\b/m);
        // CAP_NET_RAW, CAP_PERFMON and CAP_BPF
        assert.match(status, /^CapBnd:\s+000000c000002000$/m);
        assert.equal(page(machine).value("promtap_build_info") ?? 1, 1);
      },
    );

    await t.test("an interface and an address that come later are captured and served on", async () => {
      addInterface(machine);
      await pageOnceUp(machine);
      machine.run("ip", "addr", "add", `${LATE}/24`, "dev", "veth0");
      machine.run("ip", "neigh", "add", "192.0.2.1", "lladdr", "02:00:00:00:00:01", "dev", "veth0");
      machine.try("ping", "-c", "5", "-i", "0.01", "-W", "0.1", "192.0.2.1");
      assert.ok(page(machine, LATE).value(COUNT)! >= 5);
    });

    await t.test("a reload takes another configuration over, and a wrong one changes nothing", async () => {
      const pid = machine.property(UNIT, "MainPID");
      await reload(machine, `${CONFIGURATION}ranges: ['192.0.2.1:name=a']\n`, /^engine bpf, 2 interfaces up; /);
      machine.try("ping", "-c", "3", "-i", "0.01", "-W", "0.1", "192.0.2.1");
      const range = ['interface="veth0"', 'name="a"', 'ip="192.0.2.1"'];
      assert.equal(page(machine).sum("promacct_packet_size_bytes_ipv4_rx_count", ...range), 3);
      await reload(machine, `${CONFIGURATION}nonsense: 1\n`, /^goes on as before, couldn't reload: .*nonsense/);
      await reload(machine, CONFIGURATION, /^engine bpf, 2 interfaces up; /);
      assert.equal(machine.property(UNIT, "MainPID"), pid);
    });

    await t.test("what was killed and what hangs is started again, and counts go on", async () => {
      const counted = page(machine).value(COUNT)!;
      const seenAtSeconds = Date.now() / 1000;
      await pageWhere(machine, "that is written", (each) => each.value(WRITTEN)! > seenAtSeconds);
      for (const signal of ["KILL", "STOP"]) {
        const pid = machine.property(UNIT, "MainPID");
        machine.run("kill", `-${signal}`, pid);
        await restarted(machine, pid);
      }
      assert.equal(machine.property(UNIT, "NRestarts"), "2");
      const found = await pageOnceUp(machine);
      assert.ok(found.value(COUNT)! >= counted);
      assert.ok(found.value(COUNT)! <= counted + 100);
    });

    await t.test("another program takes the place of the one before only if it can run and gets ready", async () => {
      const installed = machine.at("usr/local/bin/promtap");
      const before = sumOf(installed);
      const upgrade = (...words: readonly string[]): string => machine.try("promtap", "upgrade", ...words);
      writeProgram(machine, "refuses", "/bin/false");
      assert.match(
        upgrade("/root/refuses"),
        /^couldn't upgrade: the new promtap would not run promtap\.service: .*; nothing has changed$/m,
      );
      writeProgram(machine, "ends", "/bin/true");
      const goneBack =
        /^couldn't upgrade: couldn't restart promtap\.service: .*; went back to the promtap before, which runs again$/m;
      assert.match(upgrade("/root/ends"), goneBack);
      writeHanging(machine, "hangs");
      const late = upgrade("--wait=1", "/root/hangs");
      assert.match(late, goneBack);
      assert.match(late, /took longer than 1 s/);
      assert.equal(sumOf(installed), before);
      page(machine);
    });

    await t.test("credentials of systemd protect the page, as the manual has it", async () => {
      using folder = new TemporaryFolder();
      const certificates = new Certificates(folder.path);
      for (const name of ["ca.crt", "server.crt", "server.key"]) {
        machine.write(`etc/promtap/${name}`, readFileSync(certificates.path(name), "utf8"));
      }
      machine.write("etc/promtap/web.yml", WEB_CONFIGURATION);
      machine.run("chmod", "600", "/etc/promtap/web.yml", "/etc/promtap/server.key");
      const loads = ["web.yml", "server.crt", "server.key"].map(
        (each) => `LoadCredential=${each}:/etc/promtap/${each}\n`,
      );
      machine.write("etc/systemd/system/promtap.service.d/secrets.conf", `[Service]\n${loads.join("")}`);
      const flag = `--web.config.file=/run/credentials/${UNIT}/web.yml`;
      const told = machine.run("promtap", "install", "--", ...FLAGS, flag);
      assert.match(
        told,
        /^not tried here: \/run\/credentials\/promtap\.service\/web\.yml is there when the service runs$/m,
      );
      assert.equal(machine.try("curl", "-sSk", "https://127.0.0.1:9112/metrics"), "Unauthorized\n");
      machine.write("root/.curlrc", "proto-default = https\ncacert = /etc/promtap/ca.crt\nuser = prometheus:secret\n");
      await pageOnceUp(machine);
    });

    await t.test(
      "an upgrade that is cut short leaves a whole program that runs, and is finished by the next",
      async () => {
        const installed = machine.at("usr/local/bin/promtap");
        const before = sumOf(installed);
        writeProgram(machine, "better", BINARY!);
        const better = sumOf(machine.at("root/better"));
        const full = machine.run("unshare", "--mount", "sh", "-euc", ON_FULL_DISK);
        assert.match(full, /^couldn't write \/usr\/local\/bin\/promtap\.new: no space left on device\npromtap\n$/m);
        killUpgrade(machine, "write /usr/local/bin/promtap.new");
        assert.equal(sumOf(installed), before);
        page(machine);
        killUpgrade(machine, "run systemctl restart");
        assert.equal(sumOf(installed), better);
        assert.equal(sumOf(machine.at("usr/local/bin/promtap.old")), before);
        // whose reader has seen enough soon
        const told = machine.run("sh", "-c", "promtap upgrade /root/better | head -n1");
        assert.equal(told, "run systemctl restart promtap.service\n");
        machine.run("sha256sum", "--check", "--quiet", "/usr/local/lib/promtap/promtap.sha256");
        assert.match(
          machine.try("promtap", "upgrade", "/root/better"),
          /^couldn't upgrade: it is the promtap that is installed already$/m,
        );
        page(machine);
      },
    );

    await t.test("counts go on after a reboot", async () => {
      const counted = page(machine).value(COUNT)!;
      await machine.shutDown();
      await machine.boot();
      addInterface(machine);
      const found = await pageOnceUp(machine);
      assert.ok(found.value(COUNT)! >= counted);
    });

    await t.test("what is uninstalled is gone, but for flags and state, and can be installed again", async () => {
      machine.run("promtap", "uninstall");
      assert.equal(machine.property(UNIT, "LoadState"), "not-found");
      assert.ok(!existsSync(machine.at("usr/local/bin/promtap")));
      assert.ok(existsSync(machine.at("etc/default/promtap")));
      machine.run("/root/better", "install", "--", "--geoip");
      machine.write("root/.curlrc", "");
      page(machine);
      const flags = readFileSync(machine.at("etc/default/promtap"), "utf8");
      machine.run("mount", "-o", "remount,bind,ro", "/usr/local");
      const refused = machine.try("promtap", "install", "--", "--geoip", "--log.level=warn");
      assert.match(refused, /^couldn't write \/usr\/local\/lib\/promtap\/promtap\.sha256: read-only file system$/m);
      assert.equal(readFileSync(machine.at("etc/default/promtap"), "utf8"), flags);
      machine.run("mount", "-o", "remount,bind,rw", "/usr/local");
      machine.run("promtap", "install", "--as", "promacct", "--", "-i", "lo", "-p", "9113");
      const other = machine.run("curl", "-sSf", "http://127.0.0.1:9113/");
      assert.match(other, /^promacct_packet_size_bytes_all_count\{interface="lo"\} /m);
      machine.run("promtap", "uninstall", "--as", "promacct", "--purge");
      page(machine);
      machine.run("promtap", "uninstall", "--purge");
      const left = machine.run("find", "/etc", "/usr/local", "/var/lib", "-name", "*promtap*").trim().split("\n");
      assert.deepEqual(left.toSorted(), [
        "/etc/promtap",
        "/etc/promtap/promtap.yml",
        "/etc/systemd/system/promtap.service.d",
      ]);
    });
  },
);
