import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { mmdb, type MmdbValue } from "../support/mmdb-writer.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { PROMTAP, RunningPromtap, runPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";
import type { Plan } from "./connection-holder.ts";

const live = liveOptions("ss");
const HOLDER = resolve(import.meta.dirname, "connection-holder.ts");

/** The country of an address is told by what it begins with, here and in the database. */
const NETWORKS: readonly [prefix: string, network: string, country: string, asn: number][] = [
  ["192.0.2.", "192.0.2.0/24", "DE", 64_500],
  ["198.51.100.", "198.51.100.0/24", "US", 64_501],
  ["2001:db8:a:", "2001:db8:a::/48", "JP", 64_502],
  ["2001:db8:b:", "2001:db8:b::/48", "BR", 64_503],
];
const COUNTRIES = Object.fromEntries(NETWORKS.map(([, network, code]) => [network, { country: { iso_code: code } }]));
const SYSTEMS = Object.fromEntries(NETWORKS.map(([, network, , asn]) => [network, { asn, name: `AS ${asn}` }]));

/** This host, where promtap runs, and all the others, joined by a pair of interfaces. */
class Hosts implements AsyncDisposable {
  readonly near = new Namespace();
  readonly far = new Namespace();
  readonly folder = new TemporaryFolder();
  readonly #children: ChildProcess[] = [];

  constructor() {
    this.near.ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", this.far.name);
    for (const [host, own] of [
      [this.near, "1"],
      [this.far, "2"],
    ] as const) {
      host.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.default.disable_ipv6=0");
      host.ip("address", "add", `203.0.113.${own}/24`, "dev", "veth0");
      host.ip("address", "add", `2001:db8::${own}/64`, "dev", "veth0", "nodad");
      host.ip("address", "add", `10.0.0.${own}/24`, "dev", "veth0");
      host.ip("link", "set", "veth0", "up");
    }
    for (const [, network] of NETWORKS) {
      this.far.ip("route", "add", "local", network, "dev", "lo");
      this.near.ip("route", "add", network, "via", network.includes(":") ? "2001:db8::2" : "203.0.113.2");
    }
    // to connect from addresses that no interface has
    this.far.run("sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1", "net.ipv6.ip_nonlocal_bind=1");
  }

  async hold(host: Namespace, plan: Plan): Promise<ChildProcess> {
    const child = host.spawn([process.execPath, HOLDER, JSON.stringify(plan)]);
    this.#children.push(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    }
    const hasEnded = (): boolean => child.exitCode !== null;
    await until(`all is held: ${output}`, () => output.includes("ready") || hasEnded());
    assert.ok(!hasEnded(), output);
    return child;
  }

  /** Puts a database in place in one step. */
  write(name: string, networks: Record<string, MmdbValue>): string {
    const path = join(this.folder.path, name);
    writeFileSync(`${path}.new`, mmdb(networks));
    renameSync(`${path}.new`, path);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(this.#children.map((child) => until("it is gone", () => child.signalCode !== null)));
    this.folder[Symbol.dispose]();
    this.near[Symbol.dispose]();
    this.far[Symbol.dispose]();
  }
}

const LISTENING = [8000, 8001, 8002, 8003];

/** Makes 400 connections: from everywhere to the four listeners of this host, and from this host to everywhere. */
async function connectAll(hosts: Hosts): Promise<void> {
  const everywhere = [
    { host: "0.0.0.0", port: 9000 },
    { host: "::", port: 9000, ipv6Only: true },
  ];
  await hosts.hold(hosts.far, { listen: everywhere });
  const to = (port: number, host: string) => ({ host, port });
  const ipv4 = (network: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${network}${index + 1}`);
  await hosts.hold(hosts.near, {
    listen: [
      { host: "::", port: 8000 },
      { host: "0.0.0.0", port: 8001 },
      { host: "203.0.113.1", port: 8002 },
      { host: "::", port: 8003, ipv6Only: true },
    ],
    connect: [
      ...ipv4("192.0.2.", 60).map((host) => to(9000, host)),
      ...ipv4("2001:db8:b::", 40).map((host) => to(9000, host)),
      ...ipv4("10.0.0.", 2)
        .slice(1)
        .map((host) => to(9000, host)),
      { host: "127.0.0.1", port: 8000 },
    ],
  });
  const from = (localAddress: string, port: number, host: string) => ({ localAddress, port, host });
  await hosts.hold(hosts.far, {
    connect: [
      ...ipv4("192.0.2.", 70).map((address) => from(address, 8000, "203.0.113.1")),
      ...ipv4("198.51.100.", 80).map((address) => from(address, 8001, "203.0.113.1")),
      ...ipv4("198.51.100.", 30).map((address) => from(address, 8002, "203.0.113.1")),
      ...ipv4("2001:db8:a::", 90).map((address) => from(address, 8000, "2001:db8::1")),
      ...ipv4("2001:db8:b::", 25).map((address) => from(address, 8003, "2001:db8::1")),
      from("10.0.0.2", 8000, "10.0.0.1"),
    ],
  });
}

/** What `ss` says of the connections of this host: how many by direction and country, and by direction and AS. */
function bySs(host: Namespace): { countries: Map<string, number>; systems: Map<string, number> } {
  const countries = new Map<string, number>();
  const systems = new Map<string, number>();
  const lines = host.run("ss", "-tanH", "state", "established").trim().split("\n");
  for (const line of lines) {
    const [, , local = "", peer = ""] = line.trim().split(/\s+/);
    const address = peer.replace(/:\d+$/, "").replace(/^\[(?:::ffff:)?(.*)\]$/, "$1");
    const direction = LISTENING.includes(Number(local.split(":").at(-1))) ? "in" : "out";
    const [, , country, asn] = NETWORKS.find(([prefix]) => address.startsWith(prefix)) ?? [];
    const special = address.startsWith("127.") ? "loopback" : "private";
    const add = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1);
    add(countries, `${direction} ${country ?? special}`);
    add(systems, `${direction} ${asn ?? special}`);
  }
  return { countries, systems };
}

function onPage(page: Page, name: string, label: string): Map<string, number> {
  const found = [...page.samples].filter(([series]) => series.startsWith(`${name}{state="established"`));
  const value = (series: string, key: string) => new RegExp(`${key}="([^"]*)"`).exec(series)![1]!;
  return new Map(found.map(([series, count]) => [`${value(series, "direction")} ${value(series, label)}`, count]));
}

test("hundreds of connections are counted as ss tells them, by country, AS and direction", live, async () => {
  await using hosts = new Hosts();
  const databases = [hosts.write("countries", COUNTRIES), hosts.write("systems", SYSTEMS)];
  await using promtap = await RunningPromtap.start(hosts.near, [
    "--geoip",
    ...databases.flatMap((path) => ["--geoip-db", path]),
  ]);
  await connectAll(hosts);
  const { countries, systems } = bySs(hosts.near);
  const page = await promtap.page();
  assert.deepEqual(
    Object.fromEntries(onPage(page, "promtap_tcp_connections", "country")),
    Object.fromEntries(countries),
  );
  assert.deepEqual(Object.fromEntries(onPage(page, "promtap_tcp_asn_connections", "asn")), Object.fromEntries(systems));
  assert.deepEqual(Object.fromEntries(countries), {
    "in DE": 70,
    "out DE": 60,
    "in US": 110,
    "in JP": 90,
    "in BR": 25,
    "out BR": 40,
    "in private": 1,
    "out private": 1,
    "in loopback": 1,
    "out loopback": 1,
  });
  const locations = ["DE", "US", "JP", "BR"].map((location) => page.value(`job_location{location="${location}"}`));
  assert.deepEqual(locations, [130, 110, 90, 65]);
  assert.equal(page.sum("job_location"), 130 + 110 + 90 + 65);
  assert.equal(page.value('promtap_tcp_source_info{source="netlink"}'), 1);
});

test("--geoip-exclude leaves addresses and networks out, and says so", live, async () => {
  await using hosts = new Hosts();
  await connectAll(hosts);
  const path = hosts.write("countries", COUNTRIES);
  const exclude = ["--blacklist", "192.0.2.1,192.0.2.2", "--geoip-exclude", "2001:db8:a::/48"];
  await using promtap = await RunningPromtap.start(hosts.near, ["--geoip", "--geoip-db", path, ...exclude]);
  const page = await promtap.page();
  assert.equal(page.value('job_location{location="DE"}'), 130 - 4);
  assert.equal(page.value('job_location{location="JP"}'), undefined);
  assert.equal(page.sum("promtap_tcp_connections", 'country="excluded"', 'state="established"'), 90 + 4);
});

describe("while promtap runs", () => {
  test("connections come, and go when their peers do", live, async () => {
    await using hosts = new Hosts();
    const path = hosts.write("countries", COUNTRIES);
    await using promtap = await RunningPromtap.start(hosts.near, ["--geoip", "--geoip-db", path]);
    await hosts.hold(hosts.near, { listen: [{ host: "::", port: 8000 }] });
    const connect = Array.from({ length: 20 }, () => ({ host: "203.0.113.1", port: 8000, localAddress: "192.0.2.1" }));
    const peer = await hosts.hold(hosts.far, { connect });
    const states = (page: Page) =>
      [...page.samples].filter(([series]) => series.startsWith("promtap_tcp_connections{") && series.includes('"DE"'));
    const labels = (state: string) =>
      `promtap_tcp_connections{state="${state}",direction="in",country="DE",continent="EU"}`;
    assert.deepEqual(states(await promtap.page()), [[labels("established"), 20]]);
    // without a word to the other end, which goes on believing in them
    hosts.far.ip("link", "set", "veth0", "down");
    peer.kill("SIGKILL");
    assert.deepEqual(states(await promtap.page()), [[labels("established"), 20]]);
    hosts.far.ip("link", "set", "veth0", "up");
    await promtap.pageWhere("they are gone", (page) => page.sum("job_location") === 0);
  });

  test("the database is swapped, broken and mended", live, async () => {
    await using hosts = new Hosts();
    const path = hosts.write("countries", COUNTRIES);
    const promtap = await RunningPromtap.start(hosts.near, ["--geoip", "--geoip-db", path]);
    await connectAll(hosts);
    const current = `promtap_geoip_database_current{database="${path}"}`;
    const facts = async () => {
      const page = await promtap.page();
      return [
        page.value('job_location{location="DE"}'),
        page.value('job_location{location="CH"}'),
        page.value(current),
      ];
    };
    assert.deepEqual(await facts(), [130, undefined, 1]);
    hosts.write("countries", { "192.0.2.0/24": { country_code: "CH" } });
    assert.deepEqual(await facts(), [undefined, 130, 1]);
    truncateSync(path, readFileSync(path).length - 10);
    assert.deepEqual(await facts(), [undefined, 130, 0]);
    assert.deepEqual(await facts(), [undefined, 130, 0]);
    hosts.write("countries", COUNTRIES);
    assert.deepEqual(await facts(), [130, undefined, 1]);
    const { stderr } = await promtap.stop();
    await promtap[Symbol.asyncDispose]();
    const told = stderr.split("\n").filter((line) => line.includes("database"));
    assert.deepEqual(
      told.map((line) => [/level=(\w+)/.exec(line)?.[1], /msg="([^"]+)"/.exec(line)?.[1]]),
      [
        ["info", "database read again"],
        ["error", "database changed, the one before stays in use"],
        ["info", "database read again"],
      ],
    );
  });
});

test(
  "in a network without anything, the carried database serves, and nothing connects anywhere",
  liveOptions("strace"),
  async () => {
    using alone = new Namespace();
    alone.ip("link", "set", "lo", "down");
    using folder = new TemporaryFolder();
    const trace = join(folder.path, "trace");
    const strace = ["strace", "-f", "-qq", "-e", "trace=socket,connect,bind,sendto,sendmsg,sendmmsg", "-o", trace];
    const { status, stdout, stderr } = await runPromtap(alone, ["--geoip", "--once"], strace);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^promtap_collector_success\{collector="geoip"\} 1$/m);
    assert.match(stdout, /^promtap_geoip_database_build_timestamp_seconds\{database="built-in"\} \d+$/m);
    const calls = readFileSync(trace, "utf8").split("\n");
    assert.ok(
      calls.some((line) => line.includes("NETLINK_SOCK_DIAG")),
      PROMTAP.join(" "),
    );
    assert.deepEqual(
      calls.filter((line) => / socket\(AF_INET|connect\(/.test(line)),
      [],
    );
  },
);

test("nobody without a capability sees all connections", liveOptions("ss", "setpriv"), async () => {
  await using hosts = new Hosts();
  await connectAll(hosts);
  const path = hosts.write("countries", COUNTRIES);
  const bounds = ["--bounding-set", "-all,+dac_read_search", "--inh-caps", "-all,+dac_read_search"];
  const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", ...bounds];
  const prefix = [...nobody, "--ambient-caps", "-all,+dac_read_search"];
  const { status, stdout, stderr } = await runPromtap(hosts.near, ["--geoip", "--geoip-db", path, "--once"], prefix);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^job_location\{location="DE"\} 130$/m);
});

test(
  "if the kernel refuses inet_diag, /proc tells the same, and the log tells why",
  liveOptions("ss", "strace"),
  async () => {
    await using hosts = new Hosts();
    await connectAll(hosts);
    const args = ["--geoip", "--geoip-db", hosts.write("countries", COUNTRIES), "--once"];
    const strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto"];
    const refused = await runPromtap(hosts.near, args, [...strace, "-e", "inject=sendto:error=ENOENT"]);
    assert.equal(refused.status, 0, refused.stderr);
    assert.match(
      refused.stderr,
      /refused.*couldn't read the TCP sockets by inet_diag: the kernel has no module tcp_diag/,
    );
    const [fromProc, fromNetlink] = [refused.stdout, (await runPromtap(hosts.near, args)).stdout].map(
      (text) => new Page(text),
    );
    assert.equal(fromProc!.value('promtap_tcp_source_info{source="proc"}'), 1);
    assert.equal(fromNetlink!.value('promtap_tcp_source_info{source="netlink"}'), 1);
    const counts = (page: Page) =>
      [...page.samples].filter(([series]) => /^(job_location|promtap_tcp_conn)/.test(series));
    assert.deepEqual(counts(fromProc!), counts(fromNetlink!));
    assert.equal(fromProc!.sum("job_location"), 395);
  },
);

test("a database that is no database ends the start with one line and status 1", live, async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "countries.mmdb");
  writeFileSync(path, "<html>404 Not Found</html>");
  for (const mode of ["--once", "--check"]) {
    const { status, stdout, stderr } = await runPromtap(undefined, ["--geoip", "--geoip-db", path, mode]);
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.equal(stderr, `couldn't use ${path}: it is no MaxMind DB file, or one that is cut short\n`);
  }
});
