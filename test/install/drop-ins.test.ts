import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Backend, NEEDS } from "../../src/collectors/iptables/backends.ts";
import { otherService } from "../../src/cli/install/service.ts";
import { scanFlags } from "../../src/cli/scan.ts";
import { engineKinds } from "../../src/daemon/capturing.ts";
import { configOf } from "../../src/daemon/config.ts";
import { rightsOf } from "../../src/daemon/systemd/rights.ts";
import { DROP_IN_NAMES, DROP_INS, type DropInName, dropInText } from "../../src/install/drop-ins.ts";
import { serviceText, socketText, streamsOf } from "../../src/install/units.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import type { PersonalityName } from "../../src/personalities/personalities.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const ENGINES = {
  auto: "capture-bpf",
  bpf: "capture-bpf",
  tcx: "capture-tcx",
  ring: "capture-ring",
  pcap: "capture-ring",
} as const;

async function rights(...flags: string[]): Promise<DropInName[]> {
  const config = configOf(scanFlags(flags));
  return rightsOf(config, { hasSocket: streamsOf(config.listen) !== undefined, isHere: false });
}

describe("the drop-ins", () => {
  for (const [engine, name] of Object.entries(ENGINES)) {
    test(`have what engine ${engine} needs and keeps, and no other capability`, async () => {
      const config = configOf(scanFlags([`--engine=${engine}`, "-ilo", "-p0"]));
      const kinds = engineKinds({ ...config, interfaces: ["no-such-*"] }, new Ledger(new RangeTable([]), 1));
      const capabilities = new Set(kinds.flatMap(({ needs, keeps }) => [...needs, ...keeps]));
      assert.deepEqual(new Set(DROP_INS[name].capabilities), capabilities);
      assert.deepEqual(await rights(`--engine=${engine}`), [name, "socket"]);
    });
  }

  test("have what the programs of the firewall need", async () => {
    assert.deepEqual(DROP_INS.firewall.capabilities, NEEDS[Backend.IPTABLES_NFT]);
    assert.deepEqual(DROP_INS.firewall.capabilities, NEEDS[Backend.NFTABLES]);
    assert.deepEqual(DROP_INS["firewall-legacy"].capabilities, NEEDS[Backend.IPTABLES_LEGACY]);
    assert.deepEqual(await rights("--iptables"), ["firewall", "firewall-legacy", "socket"]);
  });

  test("are those that flags need", async () => {
    assert.deepEqual(await rights("--geoip"), ["socket"]);
    assert.deepEqual(await rights("--wialon"), ["capture-ring", "socket"]);
    assert.deepEqual(await rights("--wialon", "-ieth0"), ["capture-bpf", "socket"]);
    assert.deepEqual(await rights("--geoip", "-p80"), ["socket"]);
    assert.deepEqual(await rights("--geoip", "--web.listen-address=localhost:80"), ["internet", "low-ports"]);
    assert.deepEqual(await rights("--flow-listen=:514"), ["socket", "internet", "low-ports"]);
    assert.deepEqual(await rights("--flow-topic=t", "--flow-brokers=b:9092"), ["socket", "internet"]);
    const unix = "--web.listen-address=unix:/run/promtap/promtap.sock";
    assert.deepEqual(await rights("--geoip", unix), []);
    assert.deepEqual(await rights("--geoip", unix, "--web.socket-group=www-data"), ["socket-group"]);
  });
});

test("a socket of systemd listens where the flags say, if it can", () => {
  const streams = (...addresses: string[]): string[] | undefined =>
    streamsOf(configOf(scanFlags(addresses.map((address) => `--web.listen-address=${address}`))).listen);
  assert.deepEqual(streams(), ["9112"]);
  assert.deepEqual(streams(":80", "127.0.0.1:81", "[::1]:82"), ["80", "127.0.0.1:81", "[::1]:82"]);
  for (const address of ["localhost:80", ":0", "[fe80::1%eth0]:80", "unix:/run/p"]) {
    assert.equal(streams(":80", address), undefined, address);
  }
});

describe("the units", { skip: lacking("systemd-analyze") }, () => {
  /** Writes the units to a folder, with drop-ins, as they are and as one file. */
  function writeUnits(folder: string, names: readonly DropInName[]): string {
    const service = serviceText("promtap").replace("/usr/local/bin/promtap", "/usr/bin/true");
    writeFileSync(join(folder, "promtap.socket"), socketText("promtap", ["9112", "127.0.0.1:9113", "[::1]:9114"]));
    mkdirSync(join(folder, "promtap.service.d"));
    for (const name of names) writeFileSync(join(folder, `promtap.service.d/${name}.conf`), dropInText(name));
    writeFileSync(join(folder, "promtap.service"), service);
    // an offline look at a unit passes its drop-ins over
    writeFileSync(join(folder, "whole.service"), [service, ...names.map(dropInText)].join("\n"));
    return folder;
  }

  test("are what systemd accepts, with every drop-in", () => {
    using folder = new TemporaryFolder();
    writeUnits(folder.path, DROP_IN_NAMES);
    const environment = { ...process.env, SYSTEMD_UNIT_PATH: `${folder.path}:` };
    const args = ["verify", "promtap.service", "promtap.socket"];
    const told = execFileSync("systemd-analyze", args, { encoding: "utf8", env: environment, stdio: "pipe" });
    assert.equal(told, "");
  });

  function assertExposure(names: readonly DropInName[], exposure: number): void {
    using folder = new TemporaryFolder();
    const path = join(writeUnits(folder.path, names), "whole.service");
    // fails above the threshold
    execFileSync("systemd-analyze", ["security", "--offline=true", `--threshold=${exposure}`, path], { stdio: "pipe" });
  }

  /** In tenths of systemd's exposure level: 0 is perfect, 100 dangerous. */
  const EXPOSURES: readonly [readonly string[], number][] = [
    [["-ieth0"], 13],
    [["-ieth0", "--engine=ring"], 12],
    [["-ieth0", "--engine=tcx"], 12],
    [["-ieth0", "--web.listen-address=localhost:9112"], 17],
  ];
  for (const [flags, exposure] of EXPOSURES) {
    test(`expose little of the machine: ${flags.join(" ")}, ${exposure / 10} of 10`, async () => {
      assertExposure(await rights(...flags), exposure);
    });
  }

  /** What iptables-legacy-save needs is what makes the difference. */
  const OF_PERSONALITIES: Readonly<Record<PersonalityName, readonly [number, ...string[]]>> = {
    promacct: [13, "-i", "eth0"],
    iptables_exporter: [18],
    "geoip-exporter": [7],
    wialon_ips_exporter: [12],
    "flow-exporter": [10, "-brokers=b:9092", "-topic=t", "-asn=1"],
  };
  for (const [name, [exposure, ...argv]] of Object.entries(OF_PERSONALITIES)) {
    test(`expose little of the machine: ${name}, ${exposure / 10} of 10`, async () => {
      const { config, streams } = otherService(name as PersonalityName, argv);
      assertExposure(await rightsOf(config, { hasSocket: streams !== undefined, isHere: false }), exposure);
    });
  }
});
