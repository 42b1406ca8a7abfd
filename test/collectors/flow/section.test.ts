import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { scanFlags } from "../../../src/cli/scan.ts";
import { type Config, configOf } from "../../../src/daemon/config.ts";
import { flowFeature } from "../../../src/collectors/flow/feature.ts";
import type { FlowConfig } from "../../../src/collectors/flow/section.ts";
import { PromtapError } from "../../../src/errors.ts";

const WANTED = ["--flow-brokers=kafka", "--flow-topic=t"];
const judge = (...args: string[]): Config => configOf(scanFlags([...WANTED, ...args]));

const BROKERS = { bootstrap: [{ host: "kafka", port: 9092 }], tls: null, sasl: null };

type Kafka = NonNullable<FlowConfig["kafka"]>;

const KAFKA: Kafka = {
  brokers: BROKERS,
  topic: "t",
  group: "promtap",
  partitions: null,
  from: "latest",
  applySampling: false,
};
const DEFAULT: FlowConfig = {
  kafka: KAFKA,
  udp: null,
  ownAs: 0,
  labels: ["as_src", "as_dst", "label", "iface_in", "iface_out"],
  maxSeries: 100_000,
  asNamesPath: null,
};

const LEGAL: [string[], Partial<FlowConfig>][] = [
  [[], {}],
  [["--flow-asn=4294967295"], { ownAs: 4_294_967_295 }],
  [["--flow-group=a.b_c-1"], { kafka: { ...KAFKA, group: "a.b_c-1" } }],
  [["--flow-partitions=all"], { kafka: { ...KAFKA, partitions: "all", group: null } }],
  [["--flow-partitions=2,0,2"], { kafka: { ...KAFKA, partitions: [2, 0], group: null } }],
  [["--flow-from=earliest"], { kafka: { ...KAFKA, from: "earliest" } }],
  [["--flow-from=committed"], { kafka: { ...KAFKA, from: "latest" } }],
  [["--flow-labels=label,ip_proto,label"], { labels: ["label", "ip_proto"] }],
  [["--flow-max-series=0"], { maxSeries: 0 }],
  [["--flow-apply-sampling"], { kafka: { ...KAFKA, applySampling: true } }],
  [["--flow-as-names=asn.txt"], { asNamesPath: "asn.txt" }],
];

const REACHED: [string[], Partial<Kafka["brokers"]>][] = [
  [[], {}],
  [["--flow-tls"], { tls: { caPath: null, certPath: null, keyPath: null } }],
  [["--flow-tls-ca=ca"], { tls: { caPath: "ca", certPath: null, keyPath: null } }],
  [["--flow-tls-cert=c", "--flow-tls-key=k"], { tls: { caPath: null, certPath: "c", keyPath: "k" } }],
  [
    ["--flow-sasl-user=u", "--flow-sasl-password-file=p"],
    { sasl: { mechanism: "SCRAM-SHA-512", user: "u", passwordPath: "p" } },
  ],
  [
    ["--flow-sasl=PLAIN", "--flow-sasl-user=u", "--flow-sasl-password-file=p"],
    { sasl: { mechanism: "PLAIN", user: "u", passwordPath: "p" } },
  ],
];

const ILLEGAL: [string[], RegExp][] = [
  [["--flow-listen="], /legal is :PORT, IPV4:PORT or \[IPV6\]:PORT/],
  [["--flow-listen=router:2055"], /legal is :PORT/],
  [["--flow-listen=:65536"], /legal is :PORT/],
  [["--flow-listen=::1:2055"], /legal is :PORT/],
  [["--flow-listen=[192.0.2.1]:2055"], /legal is :PORT/],
  [["--flow-listen=:2055", "--once"], /exclude each other/],
  [["--flow-listen=:2055", "--flow-sampling=0"], /auto, none, or a number from 1/],
  [["--flow-listen=:2055", "--flow-group=g"], /needs --flow-brokers/],
  [["--flow-listen=:2055", "--flow-exporters=192.0.2.1/24"], /a network without bits beyond/],
  [["--flow-listen=:2055", "--flow-exporter-names="], /legal is a file/],
  [["--flow-exporters=192.0.2.1"], /needs --flow-listen/],
  [["--flow-listen=:2055", "--flow-as-source=database"], /needs --geoip-db/],
  [["--flow-listen=:2055", "-r=10.0.0.0/8"], /--range needs -i/],
  [["--flow-listen=:2055", "--by=country,vlan"], /--by=vlan needs -i/],
  [["--flow-listen=:2055", "--by=country", "--max-addresses=5"], /--max-addresses needs -i/],
  [[...WANTED, "--by=country"], /--by needs -i/],
  [["--flow-asn=1"], /needs --flow-brokers or --flow-listen/],
  [[...WANTED, "--flow-sampling=none"], /needs --flow-listen/],
  [["--flow-topic=t"], /needs --flow-brokers/],
  [["--flow-brokers=kafka"], /needs --flow-topic/],
  [["--flow-brokers=", "--flow-topic=t"], /legal is HOST\[:PORT\]/],
  [["--flow-brokers=a,", "--flow-topic=t"], /legal is HOST\[:PORT\]/],
  [["--flow-brokers=a:0", "--flow-topic=t"], /legal is HOST\[:PORT\]/],
  [["--flow-brokers=a:65536", "--flow-topic=t"], /legal is HOST\[:PORT\]/],
  [["--flow-brokers=::1", "--flow-topic=t"], /legal is HOST\[:PORT\]/],
  [["--flow-brokers=a", "--flow-topic=a b"], /legal is 1 to 249 letters/],
  [["--flow-brokers=a", "--flow-topic=.."], /legal is 1 to 249 letters/],
  [[...WANTED, "--flow-asn=4294967296"], /from 0 to 4294967295/],
  [[...WANTED, "--flow-group="], /legal is 1 to 249 letters/],
  [[...WANTED, "--flow-partitions=0,x"], /legal is all, or numbers/],
  [[...WANTED, "--flow-partitions=-1"], /legal is all, or numbers/],
  [[...WANTED, "--flow-partitions=0", "--flow-group=g"], /exclude each other/],
  [[...WANTED, "--flow-partitions=0", "--flow-from=committed"], /exclude each other/],
  [[...WANTED, "--flow-from=now"], /legal is committed, earliest, latest/],
  [[...WANTED, "--flow-labels="], /keys of records/],
  [[...WANTED, "--flow-labels=a b"], /keys of records/],
  [[...WANTED, "--flow-labels=__proto__"], /keys of records/],
  [[...WANTED, "--flow-labels=label,hostname"], /keys of records/],
  [[...WANTED, "--flow-max-series=many"], /from 0 to 10000000/],
  [[...WANTED, "--flow-as-names="], /legal is a file/],
  [[...WANTED, "--flow-tls-cert=c"], /need each other/],
  [[...WANTED, "--flow-tls-ca="], /legal is a file/],
  [[...WANTED, "--flow-sasl=GSSAPI"], /legal is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512/],
  [[...WANTED, "--flow-sasl-user=u"], /needs both/],
  [[...WANTED, "--flow-sasl=PLAIN"], /needs both/],
  [[...WANTED, "--once"], /exclude each other/],
];

describe("flags of flows", () => {
  for (const [args, expected] of LEGAL) {
    test(`${args.join(" ") || "without more"} are legal`, () => {
      assert.deepEqual(judge(...args).features.flow, { ...DEFAULT, ...expected });
    });
  }

  for (const [args, expected] of REACHED) {
    test(`${args.join(" ") || "without more"} say how to reach the brokers`, () => {
      assert.deepEqual(judge(...args).features.flow?.kafka?.brokers, { ...BROKERS, ...expected });
    });
  }

  for (const [args, reason] of ILLEGAL) {
    test(`${args.join(" ")} are refused`, () => {
      assert.throws(
        () => configOf(scanFlags(args)),
        (error) => error instanceof PromtapError && reason.test(error.message),
      );
    });
  }

  test("take several addresses to receive at, with brokers or without", () => {
    const listen = [
      { name: ":2055", host: undefined, port: 2055 },
      { name: "192.0.2.1:1", host: [192, 0, 2, 1], port: 1 },
      { name: "[::1]:6343", host: [...Array<number>(15).fill(0), 1], port: 6343 },
    ];
    const args = ["--flow-listen=:2055", "--flow-listen=192.0.2.1:1", "--flow-listen=[::1]:6343", "--flow-sampling=8"];
    const udp = {
      listen,
      sharers: 1,
      exporters: null,
      exporterNamesPath: null,
      interfaceNamesPath: null,
      sampling: 8,
      asSource: "record",
      direction: "auto",
    };
    assert.deepEqual(configOf(scanFlags(args)).features.flow, { ...DEFAULT, kafka: null, udp });
    assert.deepEqual(judge(...args).features.flow, { ...DEFAULT, udp });
    assert.equal(configOf(scanFlags(args)).isCounted, false);
  });

  test("let what exporters report be counted by customer and by remote address", () => {
    const listen = "--flow-listen=:2055";
    const config = configOf(
      scanFlags([listen, "--by=country", "-r=10.0.0.0/8", "--range-file=a", "--customers.by=protocol"]),
    );
    assert.deepEqual([config.isCounted, config.by?.labels, config.ranges.length], [false, ["country"], 1]);
  });

  test("take several brokers, by name, IPv4 and IPv6", () => {
    const { features } = configOf(
      scanFlags(["--flow-brokers=a,192.0.2.1:1,[2001:db8::1]:65535,[fe80::1%eth0]", "--flow-topic=t"]),
    );
    assert.deepEqual(features.flow?.kafka?.brokers.bootstrap, [
      { host: "a", port: 9092 },
      { host: "192.0.2.1", port: 1 },
      { host: "2001:db8::1", port: 65_535 },
      { host: "fe80::1%eth0", port: 9092 },
    ]);
  });

  test("may be spelled as flow-exporter spells them", () => {
    const theirs = ["--brokers=a", "--topic=t", "--asn=1", "--partitions=all", "--addr=:9590"];
    const ours = [
      "--flow-brokers=a",
      "--flow-topic=t",
      "--flow-asn=1",
      "--flow-partitions=all",
      "--web.listen-address=:9590",
    ];
    assert.deepEqual(configOf(scanFlags(theirs)), configOf(scanFlags(ours)));
  });

  test("leave traffic alone, unless -i asks for it", () => {
    assert.equal(judge().isCounted, false);
    const { interfaces, isCounted } = judge("-ieth0");
    assert.deepEqual([interfaces, isCounted], [["eth0"], true]);
  });
});

test("labels that no datagram tells are warned of, unless a topic may tell them", () => {
  const labels = "--flow-labels=as_src,label,ip_src,ip_proto,as_path,country_ip_src";
  const warningsFor = (...args: string[]): string[] =>
    flowFeature.warnings?.(configOf(scanFlags([...args, labels])).features.flow!) ?? [];
  assert.deepEqual(warningsFor("--flow-listen=:2055"), [
    "no datagram tells what --flow-labels calls as_path: that label stays empty",
    "no datagram tells what --flow-labels calls country_ip_src: that label stays empty",
  ]);
  assert.deepEqual(warningsFor("--flow-listen=:2055", ...WANTED), []);
  assert.deepEqual(warningsFor(...WANTED), []);
});
