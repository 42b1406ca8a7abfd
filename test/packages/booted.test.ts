import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { BootedMachine, lackingBoot } from "../support/machine.ts";
import { until } from "../support/waiting.ts";

/** What npm run packages has made, in a folder; npm test makes none. */
const folder = process.env["PACKAGES"];
const skip = folder === undefined ? "needs npm run packages" : lackingBoot();
const TIMEOUT_MS = 180_000;

const ARCHITECTURE = process.arch === "x64" ? "amd64" : "arm64";
const UNIT = "promtap.service";
const OVERRIDES = "etc/systemd/system/promtap.service.d";
/** In tenths of systemd's exposure level, as systemd-analyze takes it. */
const EXPOSURE = 13;

function install(machine: BootedMachine): void {
  // what other packages do about the files of this one is none of its business
  machine.run("sh", "-c", `dpkg --no-triggers -i /mnt/promtap_*_${ARCHITECTURE}.deb 2>&1`);
}

async function isServed(machine: BootedMachine, port: number): Promise<void> {
  await until(`it is served at port ${port}`, () =>
    machine.try("curl", "-sSf", "--max-time", "10", `http://127.0.0.1:${port}/metrics`).includes("\npromtap_"),
  );
}

test("a real systemd runs what the Debian package installs", { skip, timeout: TIMEOUT_MS }, async (t) => {
  await using machine = new BootedMachine(folder);
  await machine.boot();
  // which may forbid to start what is installed; the machine has a copy of its own
  machine.run("rm", "-f", "/usr/sbin/policy-rc.d");

  await t.test("by itself, at a socket that systemd has opened, with no more than it needs", async () => {
    install(machine);
    assert.equal(machine.property(UNIT, "ActiveState"), "active");
    assert.match(machine.property(UNIT, "StatusText"), /^engine (bpf|ring), /);
    assert.equal(machine.property("promtap.socket", "ActiveState"), "active");
    await isServed(machine, 9112);
    // fails above the threshold
    machine.run("systemd-analyze", "security", `--threshold=${EXPOSURE}`, UNIT);
  });

  await t.test("at another port, once promtap.socket is told so", async () => {
    machine.write("etc/systemd/system/promtap.socket.d/override.conf", "[Socket]\nListenStream=\nListenStream=9200\n");
    machine.run("systemctl", "daemon-reload");
    machine.run("systemctl", "restart", UNIT);
    await isServed(machine, 9200);
  });

  await t.test("and says what to do if flags name an address that the unit does not let it have", async () => {
    machine.write("etc/default/promtap", 'ARGS="--web.listen-address=127.0.0.1:9300"\n');
    machine.try("systemctl", "restart", "--no-block", UNIT);
    const words = "couldn't listen on 127.0.0.1:9300: the unit lets the service open no socket; ";
    await until("it is refused", () => machine.try("journalctl", "-q", "-ocat", "-u", UNIT).includes(words));
  });

  await t.test("at the addresses that flags name, after a package whose unit had it listen by itself", async () => {
    const units = "/lib/systemd/system/promtap.service.d";
    machine.run("cp", "/usr/share/doc/promtap/drop-ins/internet.conf", units);
    machine.run("rm", `${units}/socket.conf`);
    machine.run("systemctl", "stop", "promtap.socket", UNIT);
    install(machine);
    assert.equal(machine.property(UNIT, "ActiveState"), "active");
    await isServed(machine, 9300);
    assert.equal(machine.property("promtap.socket", "ActiveState"), "inactive");
    machine.run("rm", `${units}/internet.conf`);
  });

  await t.test("until it is removed; a purge leaves nothing", async () => {
    machine.run("dpkg", "--no-triggers", "-r", "promtap");
    assert.equal(machine.property(UNIT, "ActiveState"), "inactive");
    assert.ok(existsSync(machine.at("etc/default/promtap")));
    machine.run("dpkg", "--no-triggers", "-P", "promtap");
    assert.ok(!existsSync(machine.at(OVERRIDES)));
    const left = machine.run("find", "/etc", "/var/lib", "/usr", "-xdev", "-name", "*promtap*").trim().split("\n");
    assert.deepEqual(left, ["/etc/systemd/system/promtap.socket.d"]);
  });
});
