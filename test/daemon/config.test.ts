import assert from "node:assert/strict";
import { test } from "node:test";
import { type Config, configOf } from "../../src/daemon/config.ts";
import { PromtapError } from "../../src/errors.ts";
import { parseZone } from "../../src/config/customers/zone-items.ts";
import { parseRange } from "../../src/config/range-syntax.ts";

type Given = Record<string, string[]>;

const judge = (given: Given): Config => configOf(new Map(Object.entries(given)));

const NONE: Config["features"] = {
  bill: null,
  peaks: null,
  flow: null,
  produce: null,
  geoip: null,
  iptables: null,
  wialon: null,
};

const DEFAULT: Config = {
  interfaces: ["auto"],
  ranges: [],
  engine: "auto",
  filter: "",
  wireSizes: false,
  isPromiscuous: false,
  opensTunnels: false,
  keepCapabilities: false,
  dumpProgram: false,
  readPath: null,
  prefixLists: [],
  prefixes: [],
  isLenient: false,
  filePath: null,
  watchesFiles: false,
  once: false,
  check: false,
  listen: [{ kind: "tcp", host: undefined, port: 9112 }],
  telemetryPath: "/metrics",
  webConfig: null,
  hasCreated: false,
  hidesProcess: false,
  allow: [],
  isHealthOpen: false,
  maxRequests: 40,
  hasLifecycle: false,
  status: null,
  namesAddress: false,
  servesSystemdSocket: false,
  triesNoAddress: false,
  collectorShare: 0.25,
  logLevel: "info",
  logFormat: "logfmt",
  maxAddresses: 131_072,
  by: null,
  customersBy: null,
  zones: [],
  geoDatabases: { paths: [], takesRegistered: false },
  state: null,
  isCounted: true,
  features: NONE,
};

const tcp = (host: string | undefined, port: number) => ({ kind: "tcp" as const, host, port });
const unix = (path: string, mode = 0o660, group: string | null = null) => ({
  kind: "unix" as const,
  path,
  mode,
  group,
});

const LEGAL: [Given, Partial<Config>][] = [
  [{}, {}],
  [{ interface: ["eth1", "eth0", "veth*", "auto", "eth1"] }, { interfaces: ["eth1", "eth0", "veth*", "auto"] }],
  [{ range: ["10.0.0.1", "10.0.0.0/8/24:a=b"] }, { ranges: [parseRange("10.0.0.1"), parseRange("10.0.0.0/8/24:a=b")] }],
  [{ range: ["10.0.0.0/9", "11.0.0.0/9"] }, { ranges: [parseRange("10.0.0.0/9"), parseRange("11.0.0.0/9")] }],
  [{ range: ["10.0.0.0/8", "::/0"] }, { ranges: [parseRange("10.0.0.0/8"), parseRange("::/0")] }],
  [{ "wire-sizes": [""] }, { wireSizes: true }],
  [
    { "wire-sizes": [""], engine: ["ring"] },
    { wireSizes: true, engine: "ring" },
  ],
  [
    { "dump-program": [""], check: [""] },
    { dumpProgram: true, check: true },
  ],
  [{ "keep-capabilities": [""] }, { keepCapabilities: true }],
  [{ port: ["80"] }, { listen: [tcp(undefined, 80)] }],
  [{ port: ["1", "0"] }, { listen: [tcp(undefined, 0)] }],
  [{ port: ["65535"] }, { listen: [tcp(undefined, 65_535)] }],
  [{ "web.listen-address": [":9100"] }, { listen: [tcp(undefined, 9100)] }],
  [{ "web.listen-address": ["127.0.0.1:9112", "[::1]:0"] }, { listen: [tcp("127.0.0.1", 9112), tcp("::1", 0)] }],
  [{ "web.listen-address": ["localhost:1", "a-1.b:2"] }, { listen: [tcp("localhost", 1), tcp("a-1.b", 2)] }],
  [{ "web.listen-address": ["unix:/run/p.sock", "/a b"] }, { listen: [unix("/run/p.sock"), unix("/a b")] }],
  [{ "web.listen-address": [`/${"x".repeat(99)}`] }, { listen: [unix(`/${"x".repeat(99)}`)] }],
  [{ "web.listen-address": ["[fe80::1%eth0]:9112"] }, { listen: [tcp("fe80::1%eth0", 9112)] }],
  [
    { "web.listen-address": ["[febf::1%br-0.7]:1", "[fe80::1]:1"] },
    { listen: [tcp("febf::1%br-0.7", 1), tcp("fe80::1", 1)] },
  ],
  [
    { "web.listen-address": [":1", "unix:/p"], "web.socket-mode": ["0606"], "web.socket-group": ["www-data"] },
    { listen: [tcp(undefined, 1), unix("/p", 0o606, "www-data")] },
  ],
  [
    { "web.listen-address": ["/p"], "web.socket-mode": ["777"], "web.socket-group": ["33"] },
    { listen: [unix("/p", 0o777, "33")] },
  ],
  [{ "web.systemd-socket": [""] }, { servesSystemdSocket: true }],
  [{ "web.telemetry-path": ["/"] }, { telemetryPath: "/" }],
  [{ "web.telemetry-path": ["/a/b-c.d"] }, { telemetryPath: "/a/b-c.d" }],
  [{ "collector-share": ["1"] }, { collectorShare: 0.01 }],
  [{ "collector-share": ["100"] }, { collectorShare: 1 }],
  [{ engine: ["ring"] }, { engine: "ring" }],
  [
    { engine: ["pcap"], "pcap.filter": ["not port 22"] },
    { engine: "pcap", filter: "not port 22" },
  ],
  [
    { read: ["-"], once: [""] },
    { readPath: "-", once: true },
  ],
  [{ read: ["a b.pcap"] }, { readPath: "a b.pcap" }],
  [{ check: [""] }, { check: true }],
  [
    { "log.level": ["debug"], "log.format": ["json"] },
    { logLevel: "debug", logFormat: "json" },
  ],
  [{ debug: [""] }, { logLevel: "debug" }],
  [
    { "log.level": ["fatal"], "log.format": ["logger:stderr"] },
    { logLevel: "error", logFormat: "logfmt" },
  ],
  [
    { "log.level": ["warning"], "log.format": ["logger:stdout?json=true"] },
    { logLevel: "warn", logFormat: "json" },
  ],
  [{ "log.format": ["logger:syslog?appname=bob&local=7"] }, { logFormat: "logfmt" }],
  [
    { geoip: [""], interval: ["180"] },
    { isCounted: false, features: { ...NONE, geoip: { exclude: [], maxAsns: 1024, ignoresInterval: true } } },
  ],
  [{ "max-addresses": ["0"] }, { maxAddresses: 0 }],
  [{ by: ["vlan"] }, { by: { labels: [], maxAsns: 4096, maxVlans: 1024 } }],
  [
    { by: ["vlan,country"], "max-vlans": ["7"], engine: ["tcx"] },
    { by: { labels: ["country"], maxAsns: 4096, maxVlans: 7 }, engine: "tcx" },
  ],
  [{ by: ["country"] }, { by: { labels: ["country"], maxAsns: 4096, maxVlans: undefined } }],
  [
    { "customers.by": ["zone,protocol"], "range-file": ["c.csv"], zone: ["a=10.0.0.0/8,DE"] },
    {
      prefixLists: [{ path: "c.csv", series: "labels", format: null }],
      customersBy: { labels: ["zone", "protocol"], maxAccounts: 262_144, maxVlans: undefined },
      zones: parseZone("a=10.0.0.0/8,DE", "--zone"),
    },
  ],
  [
    { by: ["asn,country", "asn"], "geoip-db": ["a.mmdb"], "max-asns": ["7"] },
    {
      by: { labels: ["asn", "country"], maxAsns: 7, maxVlans: undefined },
      geoDatabases: { paths: ["a.mmdb"], takesRegistered: false },
    },
  ],
  [
    { geoip: [""] },
    { isCounted: false, features: { ...NONE, geoip: { exclude: [], maxAsns: 1024, ignoresInterval: false } } },
  ],
  [
    { geoip: [""], interface: ["eth0"], "geoip-db": ["a.mmdb", "b", "a.mmdb"], "geoip-max-asns": ["0"] },
    {
      interfaces: ["eth0"],
      geoDatabases: { paths: ["a.mmdb", "b"], takesRegistered: false },
      features: { ...NONE, geoip: { exclude: [], maxAsns: 0, ignoresInterval: false } },
    },
  ],
  [
    { by: ["country"], "geoip-db": ["a.mmdb"], "geoip-registered": [""] },
    {
      by: { labels: ["country"], maxAsns: 4096, maxVlans: undefined },
      geoDatabases: { paths: ["a.mmdb"], takesRegistered: true },
    },
  ],
  [
    { geoip: [""], "geoip-exclude": ["8.8.8.8,4.0.0.0/6", " 2001:db8::/32 , ::1,"] },
    {
      isCounted: false,
      features: {
        ...NONE,
        geoip: {
          exclude: [
            { version: 4, value: 0x0808_0808n, prefixBits: 32 },
            { version: 4, value: 0x0400_0000n, prefixBits: 6 },
            { version: 6, value: 0x2001_0db8n << 96n, prefixBits: 32 },
            { version: 6, value: 1n, prefixBits: 128 },
          ],
          maxAsns: 1024,
          ignoresInterval: false,
        },
      },
    },
  ],
  [{ "max-addresses": ["10000000"] }, { maxAddresses: 10_000_000 }],
];

for (const [given, expected] of LEGAL) {
  const namesAddress = expected.listen !== undefined;
  test(`${JSON.stringify(given)} is legal`, () =>
    assert.deepEqual(judge(given), { ...DEFAULT, namesAddress, ...expected }));
}

const INTERFACE = "legal is a name, a pattern such as veth*, !veth* to leave out, or auto; several with commas between";
const LISTEN = "legal is :PORT, IPV4:PORT, [IPV6]:PORT, HOST:PORT or unix:/PATH";
const SOCKET = "legal is a path of a file, of at most 107 bytes";
const PATH = "legal is a path such as /metrics, but not /healthz or below /-/";

const ILLEGAL: [Given, string][] = [
  [{ interface: [""] }, `invalid -i ""; ${INTERFACE}`],
  [{ interface: ["eth0", "eth 1"] }, `invalid -i "eth 1"; ${INTERFACE}`],
  [{ interface: ["a/b"] }, `invalid -i "a/b"; ${INTERFACE}`],
  [{ range: ["x"] }, 'invalid -r "x": "x" is not an address; legal is START-END, '],
  [
    { range: ["10.0.0.0/8", "::/0", "11.0.0.1"] },
    'invalid -r "11.0.0.1": with the ranges before it there are 16777217 IPv4 series; legal is at most 16777216; ',
  ],
  ...["", "-1", "65536", "80x", " 80", "1e3", "0x50", "9".repeat(400)].map((port): [Given, string] => [
    { port: [port] },
    `invalid -p "${port}"; legal is a number from 0 to 65535`,
  ]),
  ...["", "9112", "localhost", ":65536", ":", ":-1", "1.2.3:1", "1.2.3.256:1", "::1:9112", "[::g]:1", "[]:1"].map(
    (address): [Given, string] => [
      { "web.listen-address": [address] },
      `invalid --web.listen-address "${address}"; ${LISTEN}`,
    ],
  ),
  ...["[::1%lo]:1", "[2001:db8::1%eth0]:1", "[fe80::1%]:1", "[fe80::1%a b]:1", "[fe80::1%eth0%eth0]:1"].map(
    (address): [Given, string] => [
      { "web.listen-address": [address] },
      `invalid --web.listen-address "${address}"; ${LISTEN}`,
    ],
  ),
  ...["", "66", "0888", "1660", "00660", "rw-rw----"].map((mode): [Given, string] => [
    { "web.listen-address": ["unix:/p"], "web.socket-mode": [mode] },
    `invalid --web.socket-mode "${mode}"; legal is three octal digits, such as 0660`,
  ]),
  ...["", "a b", "a:b", "-1", "1234567890", "a\n"].map((group): [Given, string] => [
    { "web.listen-address": ["unix:/p"], "web.socket-group": [group] },
    `invalid --web.socket-group ${JSON.stringify(group)}; legal is the name or the number of a group`,
  ]),
  [{ "web.socket-mode": ["0660"] }, "--web.socket-mode needs --web.listen-address=unix:/PATH"],
  [
    { "web.listen-address": [":1"], "web.socket-group": ["adm"] },
    "--web.socket-group needs --web.listen-address=unix:/PATH",
  ],
  ...["[1.2.3.4]:1", "a_b:1", "-a:1", "http://a:1", "unix:", "unix:a", "[::1]:1 "].map((address): [Given, string] => [
    { "web.listen-address": [":1", address] },
    `invalid --web.listen-address "${address}"; ${LISTEN}`,
  ]),
  ...[`/${"x".repeat(107)}`, "unix:/run/"].map((path): [Given, string] => [
    { "web.listen-address": [path] },
    `invalid --web.listen-address "${path}"; ${SOCKET}`,
  ]),
  ...["", "metrics", "/a b", "/a?b", "/a#b", "/%61", "/-/healthy", "/-", "/healthz"].map((path): [Given, string] => [
    { "web.telemetry-path": [path] },
    `invalid --web.telemetry-path "${path}"; ${PATH}`,
  ]),
  [{ engine: ["xdp"] }, 'invalid --engine "xdp"; legal is auto, bpf, tcx, ring, pcap'],
  [{ engine: [""] }, 'invalid --engine ""; legal is auto, bpf, tcx, ring, pcap'],
  [{ "log.level": ["INFO"] }, 'invalid --log.level "INFO"; legal is debug, info, warn, error'],
  [{ "log.level": ["fatal2"] }, 'invalid --log.level "fatal2"; legal is debug, info, warn, error'],
  [{ "log.level": ["info"], debug: [""] }, "--debug and --log.level exclude each other; --debug stands for "],
  [{ interval: ["180"] }, "--interval needs --geoip"],
  [{ geoip: [""], "geoip-registered": [""] }, "--geoip-registered needs --geoip-db"],
  [{ geoip: [""], interval: ["3m"] }, 'invalid --interval "3m"; legal is a number from 0 to 2147483647'],
  [{ "log.format": ["text"] }, 'invalid --log.format "text"; legal is logfmt, json'],
  [{ "max-addresses": ["10000001"] }, 'invalid --max-addresses "10000001"; legal is a number from 0 to 10000000'],
  ...["0", "101", "25%", "0.25", "-1", ""].map((share): [Given, string] => [
    { "collector-share": [share] },
    `invalid --collector-share "${share}"; legal is a percentage from 1 to 100`,
  ]),
  [{ read: [""] }, 'invalid --read ""; legal is a pcap or pcapng file, or - for standard input'],
  ...["8.8.8", "10.0.0.0/", "10.0.0.0/8/8", "/8", "10.0.0.0/x", "fe80::1%eth0", "example.com"].map(
    (word): [Given, string] => [
      { geoip: [""], "geoip-exclude": ["8.8.8.8", `1.1.1.1,${word}`] },
      `invalid --geoip-exclude "${word}"; legal is an address, or a network such as 10.0.0.0/8`,
    ],
  ),
  [
    { geoip: [""], "geoip-exclude": ["10.0.0.0/33"] },
    'invalid --geoip-exclude "10.0.0.0/33"; legal is a prefix length from 0 to 32',
  ],
  [
    { geoip: [""], "geoip-exclude": ["10.0.0.1/8"] },
    'invalid --geoip-exclude "10.0.0.1/8"; legal is a network without bits beyond /8',
  ],
  [{ geoip: [""], "geoip-db": [""] }, 'invalid --geoip-db ""; legal is a file in the format of MaxMind DB (.mmdb)'],
  [{ geoip: [""], "geoip-max-asns": ["-1"] }, 'invalid --geoip-max-asns "-1"; legal is a number from 0 to 250000'],
  [{ "geoip-db": ["a.mmdb"] }, "--geoip-db needs --geoip or --by or --customers.by"],
  [{ zone: ["a=DE"] }, "--zone needs --customers.by=zone"],
  [{ "customers.by": ["zone"], "range-file": ["c.csv"] }, "--customers.by=zone needs --zone: nothing says what is in"],
  [{ "customers.by": ["protocol"] }, "--customers.by needs --range-file: nothing says who is a customer"],
  [{ "customers.max-accounts": ["1"] }, "--customers.max-accounts needs --customers.by"],
  [
    { "customers.by": ["asn"], "range-file": ["c.csv"] },
    "--customers.by=asn needs --geoip-db with a file of AS numbers (.mmdb): the binary carries those of countries alone",
  ],
  [
    { "customers.by": ["zone"], "range-file": ["c.csv"], zone: ["a=DE,AS1"] },
    '--zone "a=DE,AS1" needs --geoip-db with a file of AS numbers',
  ],
  [
    { "customers.by": ["zone"], "range-file": ["c.csv"], zone: ["a=DE", "b=2001:DB8:0::/32", "c=2001:db8::/32"] },
    'invalid --zone "c=2001:db8::/32": 2001:db8::/32 is in zone "b" too; give it once',
  ],
  [
    { "customers.by": ["zone"], "range-file": ["c.csv"], zone: ["a=*", "a=*"] },
    'invalid --zone "a=*": * is there twice; give it once',
  ],
  [{ by: ["country,city"] }, 'invalid --by "city"; legal is country, asn'],
  [{ by: [""] }, 'invalid --by ""; legal is country, asn'],
  [
    { by: ["asn"] },
    "--by=asn needs --geoip-db with a file of AS numbers (.mmdb): the binary carries those of countries alone",
  ],
  [{ by: ["country"], "max-asns": ["1"] }, "--max-asns needs --by=asn"],
  [{ by: ["country"], "max-vlans": ["1"] }, "--max-vlans needs --by=vlan"],
  [
    { by: ["asn"], "geoip-db": ["a"], "max-asns": ["250001"] },
    'invalid --max-asns "250001"; legal is a number from 0 to 250000',
  ],
  [{ "geoip-exclude": ["8.8.8.8"] }, "--geoip-exclude needs --geoip"],
  [{ "geoip-max-asns": ["1"] }, "--geoip-max-asns needs --geoip"],
  [
    { geoip: [""], range: ["10.0.0.0/24"] },
    "--range needs -i: with --geoip, traffic is counted only if -i asks for it",
  ],
  [{ "pcap.filter": ["tcp"] }, "--pcap.filter needs --engine=pcap: no other engine has a filter"],
  [{ "pcap.filter": ["tcp"], engine: ["ring"] }, "--pcap.filter needs --engine=pcap: no other engine has a filter"],
  [
    { "wire-sizes": [""], engine: ["pcap"] },
    "--wire-sizes needs --engine=auto or --engine=bpf or --engine=tcx or --engine=ring: others can't tell how ",
  ],
  [
    { "wire-sizes": [""], read: ["f"] },
    "--wire-sizes and --read exclude each other; a file does not tell how frames were merged",
  ],
  [{ "dump-program": [""] }, "--dump-program needs --check: "],
  [
    { "dump-program": [""], check: [""], engine: ["ring"] },
    "--dump-program needs --engine=bpf or --engine=tcx: ring counts by no program in the kernel",
  ],
  [{ "dump-program": [""], check: [""], read: ["f"] }, "--dump-program and --read exclude each other; "],
  [{ read: ["f"], interface: ["eth0"] }, "--read and --interface exclude each other; a file is counted instead of "],
  [{ read: ["f"], engine: ["auto"] }, "--read and --engine exclude each other; a file is counted instead of "],
  [
    { port: ["1"], "web.listen-address": [":1"] },
    "--port and --web.listen-address exclude each other; give the port in the address, as in --web.listen-address=:9112",
  ],
];

for (const [given, message] of ILLEGAL) {
  test(`${JSON.stringify(given)} is refused`, () => {
    assert.throws(
      () => judge(given),
      (error) => error instanceof PromtapError && error.exitStatus === 2 && error.message.startsWith(message),
    );
  });
}

test("a name of letters and hyphens is judged in no time, however long", () => {
  const started = performance.now();
  assert.throws(() => judge({ "web.listen-address": [`${"a-".repeat(20_000)}.:1`] }), PromtapError);
  assert(performance.now() - started < 5000);
});
