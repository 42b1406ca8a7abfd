import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BootedMachine, lackingBoot } from "../support/machine.ts";
import { Page } from "../support/page.ts";
import { until } from "../support/waiting.ts";

/** It runs as a binary does, whose copies take each other's place. */
const BINARY = process.env["PROMTAP"];
const skip = BINARY === undefined ? "needs PROMTAP, a binary" : lackingBoot();
const TIMEOUT_MS = 180_000;

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
const COUNT = 'promacct_packet_size_bytes_all_count{interface="veth0"}';

function page(machine: BootedMachine, address = "127.0.0.1"): Page {
  return new Page(machine.run("curl", "-sSf", "--max-time", "10", `http://${address}:9112/metrics`));
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

    await t.test("a reload is over when the configuration is read, and a wrong one changes nothing", async () => {
      const pid = machine.property(UNIT, "MainPID");
      machine.write("etc/promtap/promtap.yml", `${CONFIGURATION}ranges: ['192.0.2.1:name=a']\n`);
      machine.run("systemctl", "reload", UNIT);
      machine.try("ping", "-c", "3", "-i", "0.01", "-W", "0.1", "192.0.2.1");
      const range = ['interface="veth0"', 'name="a"', 'ip="192.0.2.1"'];
      assert.equal(page(machine).sum("promacct_packet_size_bytes_ipv4_rx_count", ...range), 3);
      machine.write("etc/promtap/promtap.yml", `${CONFIGURATION}nonsense: 1\n`);
      machine.run("systemctl", "reload", UNIT);
      assert.match(machine.property(UNIT, "StatusText"), /^goes on as before, couldn't reload: .*nonsense/);
      machine.write("etc/promtap/promtap.yml", CONFIGURATION);
      machine.run("systemctl", "reload", UNIT);
      assert.match(machine.property(UNIT, "StatusText"), /^engine bpf, 2 interfaces up; /);
      assert.equal(machine.property(UNIT, "MainPID"), pid);
    });

    await t.test("what was killed and what hangs is started again, and counts go on", async () => {
      const counted = page(machine).value(COUNT)!;
      await until("the state is written", () => machine.try("ls", "/var/lib/promtap/").includes("promtap.state"));
      for (const signal of ["KILL", "STOP"]) {
        const pid = machine.property(UNIT, "MainPID");
        machine.run("kill", `-${signal}`, pid);
        await restarted(machine, pid);
      }
      assert.equal(machine.property(UNIT, "NRestarts"), "2");
      const found = await pageOnceUp(machine);
      assert.ok(found.value(COUNT)! <= counted + 100);
    });

    await t.test("another program takes the place of the one before only if it can run and gets ready", async () => {
      const installed = machine.at("usr/local/bin/promtap");
      const before = sumOf(installed);
      const upgrade = (name: string): string => machine.try("promtap", "upgrade", `/root/${name}`);
      writeProgram(machine, "refuses", "/bin/false");
      assert.match(
        upgrade("refuses"),
        /^couldn't upgrade: the new promtap would not run promtap\.service: .*; nothing has changed$/m,
      );
      writeProgram(machine, "ends", "/bin/true");
      const failed = upgrade("ends");
      assert.match(failed, /^couldn't upgrade: .*; went back to the promtap before, which runs again$/m);
      assert.equal(sumOf(installed), before);
      page(machine);
      writeProgram(machine, "better", BINARY!);
      const told = machine.run("promtap", "upgrade", "/root/better");
      assert.match(told, /^rename \/usr\/local\/bin\/promtap\.new -> \/usr\/local\/bin\/promtap$/m);
      assert.equal(sumOf(installed), sumOf(machine.at("root/better")));
      assert.equal(sumOf(machine.at("usr/local/bin/promtap.old")), before);
      assert.match(upgrade("better"), /^couldn't upgrade: it is the promtap that is installed already$/m);
      page(machine);
    });

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
