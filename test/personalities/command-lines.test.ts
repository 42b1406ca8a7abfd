import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ALL_FLAGS, type Config, configOf } from "../../src/daemon/config.ts";
import { partOf, PERSONALITIES } from "../../src/personalities/personalities.ts";
import { ourFlags } from "../../src/personalities/personality.ts";
import type { Scanned } from "../../src/personalities/style/style.ts";

function scan(commandLine: string): Scanned & { config: () => Config } {
  const [argv0 = "", ...argv] = commandLine.match(/(?:"[^"]*"|\S)+/g)!.map((word) => word.replaceAll('"', ""));
  const part = partOf(argv0, argv);
  assert.ok(part !== undefined, argv0);
  const scanned = part.personality.style.scan(part.argv, part.personality.flags);
  return { ...scanned, config: () => configOf(ourFlags(part.personality, scanned.given)) };
}

const tcp = (host: string | undefined, port: number) => [{ kind: "tcp", host, port }];
const broker = (host: string) => [{ host, port: 9092 }];

describe("the command lines of READMEs and units", () => {
  test("promacct: its README", () => {
    const ranges = "-r 192.168.1.100-192.168.1.200:customer=acmecorp:environment=production";
    const { config } = scan(`promacct -i eth0 -i eth1 ${ranges}`);
    const { interfaces, listen, isCounted, ranges: read, features } = config();
    assert.deepEqual([interfaces, isCounted], [["eth0", "eth1"], true]);
    assert.deepEqual(listen, tcp(undefined, 9112));
    assert.deepEqual(read[0]?.labels, [
      ["customer", "acmecorp"],
      ["environment", "production"],
    ]);
    assert.ok(Object.values(features).every((value) => value === null));
    assert.deepEqual(scan("/usr/bin/promacct -ieth0 -p9113 -p 9114").config().listen, tcp(undefined, 9114));
  });

  test("iptables_exporter: a unit as its README describes it", () => {
    for (const line of [
      "/usr/local/bin/iptables_exporter",
      "iptables_exporter --web.listen-address=:9455 --web.telemetry-path /metrics",
      "iptables_exporter --web.listen-address :9455 --log.level=fatal --log.format=logger:syslog?appname=bob",
    ]) {
      const { isCounted, listen, telemetryPath, features } = scan(line).config();
      assert.deepEqual([isCounted, listen, telemetryPath], [false, tcp(undefined, 9455), "/metrics"]);
      assert.equal(features.iptables?.isCompat, true);
    }
  });

  test("geoip-exporter: its README, its unit, its image", () => {
    const line =
      './geoip-exporter --interval=10 --web.listen-address=127.0.0.1:9400 --blacklist="8.8.8.8,4.4.4.4" --debug';
    const { config } = scan(line);
    assert.deepEqual(config().listen, tcp("127.0.0.1", 9400));
    assert.deepEqual(
      [config().logLevel, config().isCounted, config().features.geoip?.exclude.length],
      ["debug", false, 2],
    );
    const unit =
      '/usr/local/bin/geoip-exporter --interval=300 --web.listen-address=127.0.0.1:9300 --blacklist="104.31.10.172,104.31.11.172"';
    assert.equal(scan(unit).config().features.geoip?.exclude.length, 2);
    assert.deepEqual(scan("./geoip-exporter").config().listen, tcp(undefined, 9300));
    assert.equal(scan("./geoip-exporter").config().features.geoip?.ignoresInterval, false);
  });

  test("wialon_ips_exporter: its unit, and its flags as Go takes them", () => {
    const { isCounted, listen, features } = scan("/usr/local/bin/wialon_ips_exporter").config();
    assert.deepEqual([isCounted, listen], [false, tcp("0.0.0.0", 9332)]);
    assert.deepEqual([features.wialon?.interfaces, features.wialon?.filter], [["eth0"], "tcp port 20332"]);
    const other = 'wialon_ips_exporter -i ens3 --filter="tcp port 20333" -metrics-listen-address=127.0.0.1:1 -i ens4';
    const { wialon } = scan(other).config().features;
    assert.deepEqual(scan("wialon_ips_exporter -i any").config().features.wialon?.interfaces, ["auto"]);
    assert.deepEqual([wialon?.interfaces, wialon?.filter], [["ens4"], "tcp port 20333"]);
  });

  test("flow-exporter: its README, its image and its compose file", () => {
    for (const [line, host] of [
      ["./flow-exporter --brokers=kafka.fqdn.com:9092 --topic=pmacct.acct --asn=15169", "kafka.fqdn.com"],
      ["flow-exporter --brokers=kafka.example.com:9092 --topic=pmacct.acct --asn=15169", "kafka.example.com"],
      ["promtap as flow-exporter -brokers kafka1:9092 -topic pmacct.acct -asn 15169", "kafka1"],
    ] as const) {
      const [argv0 = "", ...argv] = line.split(" ");
      const part = partOf(argv0, argv);
      assert.equal(part?.personality, PERSONALITIES["flow-exporter"]);
      const { listen, isCounted, features } = scan(line).config();
      assert.deepEqual([listen, isCounted], [tcp(undefined, 9590), false]);
      const { flow } = features;
      const { kafka } = flow ?? {};
      assert.deepEqual([kafka?.brokers.bootstrap, kafka?.topic, flow?.ownAs], [broker(host), "pmacct.acct", 15_169]);
      assert.equal(kafka?.group, "promtap");
    }
    const { flow } = scan("flow-exporter -brokers=k:9092 -topic=t -partitions=0,2").config().features;
    assert.deepEqual([flow?.kafka?.group, flow?.kafka?.partitions], [null, [0, 2]]);
  });

  test("other names are promtap", () => {
    for (const [argv0, ...argv] of [
      ["promtap"],
      ["/usr/bin/promtap", "-i", "eth0"],
      ["promtap", "as"],
      ["x", "as", "y"],
    ]) {
      assert.equal(partOf(argv0!, argv), undefined);
    }
    assert.equal(partOf("promtap", ["as", "__proto__"]), undefined);
  });
});

describe("the errors of each style", () => {
  const ERRORS: [commandLine: string, message: string][] = [
    ["promacct -x", "invalid option -- 'x'"],
    ["promacct --interface eth0", "invalid option -- '-'"],
    ["promacct -i", "option requires an argument -- 'i'"],
    ["promacct -i eth0 eth1", 'unexpected argument "eth1"'],
    ["promacct -i eth0 -- eth1", 'unexpected argument "eth1"'],
    ["iptables_exporter -web.listen-address=:1", "unknown short flag '-w'"],
    ["iptables_exporter --web.listen=:1", "unknown long flag '--web.listen'"],
    ["iptables_exporter --web.listen-address", "expected argument for flag '--web.listen-address'"],
    ["iptables_exporter --log.level --log.format=x", "expected argument for flag '--log.level'"],
    ["iptables_exporter --log.level=info --log.level=warn", "flag 'log.level' cannot be repeated"],
    ["iptables_exporter --iptables", "unknown long flag '--iptables'"],
    ["iptables_exporter now", "unexpected now"],
    ["geoip-exporter -geoip", "flag provided but not defined: -geoip"],
    ["geoip-exporter -interval", "flag needs an argument: -interval"],
    ["geoip-exporter --=1", "bad flag syntax: --=1"],
    ["geoip-exporter ---debug", "bad flag syntax: ---debug"],
    ["geoip-exporter -debug=yes", 'invalid boolean value "yes" for -debug: parse error'],
    ["wialon_ips_exporter -p 1", "flag provided but not defined: -p"],
    ["flow-exporter --flow-brokers=k:1", "flag provided but not defined: -flow-brokers"],
  ];
  for (const [commandLine, message] of ERRORS) {
    test(commandLine, () => {
      assert.throws(() => scan(commandLine), { code: "USAGE", message });
    });
  }
});

test("Go's package flag leaves words unread, and takes switches with a value", () => {
  assert.deepEqual(scan("geoip-exporter -debug now -interval=1").unread, ["now", "-interval=1"]);
  assert.deepEqual(scan("geoip-exporter -- -debug").unread, ["-debug"]);
  assert.equal(scan("geoip-exporter -debug=1").config().logLevel, "debug");
  assert.equal(scan("geoip-exporter -debug -debug=F").config().logLevel, "info");
});

test("help, version and differences are asked for as each takes it", () => {
  for (const name of Object.keys(PERSONALITIES)) {
    assert.equal(scan(`${name} --help`).asked, "help");
    assert.equal(scan(`${name} --differences`).asked, "differences");
  }
  assert.equal(scan("iptables_exporter --version").asked, "version");
  assert.throws(() => scan("geoip-exporter --version"), { code: "USAGE" });
});

test("every flag becomes one of ours, and its default is legal", () => {
  for (const [name, { flags, switches, guise }] of Object.entries(PERSONALITIES)) {
    assert.equal(guise.name, name);
    for (const becomes of [...switches, ...flags.map((flag) => flag.becomes)]) {
      assert.ok(
        ALL_FLAGS.some((flag) => flag.name === becomes),
        becomes,
      );
    }
    for (const { default: usual, nominal } of flags) assert.ok(usual === undefined || nominal === undefined);
  }
});
