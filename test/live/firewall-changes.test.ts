import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";

/* While rules stay as they are the kernel alone is asked. Whatever happens to them, the page says what the programs say. */

const OPTIONS = liveOptions("iptables", "nft", "ping");
const PINGS = 3;

/** Counters by their series, without the name of the metric; of packets and bytes. */
type Counters = Record<string, string>;

/** What iptables-save says, as series of ours. */
function saved(namespace: Namespace): Counters {
  const counters = new Map<string, [packets: number, bytes: number]>();
  let table = "";
  for (const line of namespace.run("iptables-nft-save", "-c").split("\n")) {
    if (line.startsWith("*")) table = line.slice(1);
    const [, packets, bytes, chain, rule] = /^\[(\d+):(\d+)\] -A (\S+) (.*)$/.exec(line) ?? [];
    const [, name, policy, policyPackets, policyBytes] = /^:(\S+) (\S+) \[(\d+):(\d+)\]$/.exec(line) ?? [];
    const place = `family="ipv4",backend="iptables-nft",table="${table}",chain=`;
    const escaped = rule?.replace(/[\\"]/g, "\\$&");
    if (chain !== undefined) add(counters, `${place}"${chain}",rule="${escaped}"`, packets, bytes);
    if (name !== undefined) add(counters, `${place}"${name}",policy="${policy}"`, policyPackets, policyBytes);
  }
  return textsOf(counters);
}

/** What nft says of a table of simple rules. */
function listed(namespace: Namespace, family: string, table: string): Counters {
  const counters = new Map<string, [packets: number, bytes: number]>();
  let chain = "";
  for (const line of namespace.run("nft", "list", "table", family, table).split("\n")) {
    chain = /^\tchain (\S+) \{$/.exec(line)?.[1] ?? chain;
    const stateless = line.replace(/ used \d+ \w+/, "");
    const [, before, packets, bytes, after] = /^\t\t(.*)counter packets (\d+) bytes (\d+)(.*)$/.exec(stateless) ?? [];
    if (before === undefined) continue;
    const series = `family="${family}",backend="nftables",table="${table}",chain="${chain}",rule="${before}counter${after}"`;
    add(counters, series, packets, bytes);
  }
  return textsOf(counters);
}

function add(
  counters: Map<string, [number, number]>,
  series: string,
  packets: string | undefined,
  bytes: string | undefined,
): void {
  const [knownPackets, knownBytes] = counters.get(series) ?? [0, 0];
  counters.set(series, [knownPackets + Number(packets), knownBytes + Number(bytes)]);
}

function textsOf(counters: Map<string, [number, number]>): Counters {
  return Object.fromEntries([...counters].map(([series, [packets, bytes]]) => [series, `${packets} ${bytes}`]));
}

/** What the page says. */
function shown(page: Page): Counters {
  const counters: Counters = {};
  for (const [series, packets] of page.samples) {
    const [, kind, labels] = /^iptables_(rule|default)_packets_total\{(.*)\}$/.exec(series) ?? [];
    if (labels !== undefined) {
      counters[labels] = `${packets} ${page.value(`iptables_${kind}_bytes_total{${labels}}`)}`;
    }
  }
  return counters;
}

/** Pages of the children that a process has waited for: more whenever there was one. */
function childFaults(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
  return Number(fields[8]);
}

/** A promtap that has read the rules, and programs that may be asked for the truth. */
class Host implements AsyncDisposable {
  readonly namespace: Namespace;
  readonly #promtap: RunningPromtap;
  readonly #truth: () => Counters;

  private constructor(namespace: Namespace, promtap: RunningPromtap, truth: () => Counters) {
    this.namespace = namespace;
    this.#promtap = promtap;
    this.#truth = truth;
  }

  static async of(rules: (namespace: Namespace) => void, truth: (namespace: Namespace) => Counters): Promise<Host> {
    const namespace = new Namespace();
    rules(namespace);
    const promtap = await RunningPromtap.start(namespace, ["--iptables"]);
    return new Host(namespace, promtap, () => truth(namespace));
  }

  /** Makes the rules count, and compares; returns whether a program was run for that. */
  async assertTrue(what: string): Promise<boolean> {
    this.namespace.run("ping", "-q", "-i", "0.01", "-c", `${PINGS}`, "127.0.0.1");
    const before = childFaults(this.#promtap.process.pid!);
    const page = await this.#promtap.page();
    const hasRun = childFaults(this.#promtap.process.pid!) !== before;
    assert.deepEqual(shown(page), this.#truth(), what);
    return hasRun;
  }

  async page(): Promise<Page> {
    return this.#promtap.page();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#promtap[Symbol.asyncDispose]();
    this.namespace[Symbol.dispose]();
  }
}

const IPTABLES_RULES = `*filter
:INPUT ACCEPT [0:0]
:own - [0:0]
:empty - [0:0]
-A INPUT -p icmp -j own
-A INPUT -j empty
-A own -m comment --comment "a  b"
-A own -m comment --comment "a  b"
-A own -p icmp -m icmp --icmp-type 8
COMMIT
*raw
-A PREROUTING -i lo
COMMIT
`;

const NFT_RULES = `
table ip t {
  set s { type inet_service; elements = { 1, 2 } }
  chain in {
    type filter hook input priority 5; policy accept;
    icmp type echo-request counter jump own
    icmp type echo-reply counter
    tcp dport @s counter
  }
  chain own {
    counter
    quota over 1 mbytes counter
    return
  }
}
`;

/** Restores a dump in the shell of a namespace. */
function restore(namespace: Namespace, dump: string, ...args: string[]): void {
  namespace.run("sh", "-c", `iptables-nft-restore ${args.join(" ")} <<'END'\n${dump}END\n`);
}

describe("rules of iptables-nft", OPTIONS, () => {
  test("that stay as they are are counted by the kernel alone, also while sets of others change", async () => {
    await using host = await Host.of((namespace) => restore(namespace, IPTABLES_RULES), saved);
    assert.equal(await host.assertTrue("at first"), true);
    for (let scrape = 0; scrape < 3; scrape++) assert.equal(await host.assertTrue("unchanged"), false);
    host.namespace.run("nft", "add table ip other; add set ip other s { type inet_service; }");
    await host.assertTrue("a table of another");
    host.namespace.run("nft", "add element ip other s { 1 }");
    assert.equal(await host.assertTrue("an element"), false);
    const set = (await host.page()).value('promtap_nftables_set_elements{family="ipv4",table="other",name="s"}');
    assert.equal(set, 1);
  });

  test("that change in whatever way have the counters that iptables-save prints", async () => {
    await using host = await Host.of((namespace) => restore(namespace, IPTABLES_RULES), saved);
    const iptables = (...args: string[]) => host.namespace.run("iptables-nft", ...args);
    const changes: [what: string, change: () => unknown][] = [
      ["inserted", () => iptables("-I", "INPUT", "1", "-s", "127.0.0.1")],
      ["appended", () => iptables("-A", "own", "-d", "127.0.0.1", "-j", "RETURN")],
      ["replaced", () => iptables("-R", "INPUT", "1", "-s", "127.0.0.2")],
      ["deleted", () => iptables("-D", "own", "1")],
      ["zeroed", () => iptables("-Z")],
      ["a policy", () => iptables("-P", "FORWARD", "DROP")],
      ["a new chain", () => iptables("-N", "more")],
      ["a renamed chain", () => iptables("-E", "own", "mine")],
      [
        "two rules that change places",
        () => {
          iptables("-R", "INPUT", "1", "-j", "empty");
          iptables("-R", "INPUT", "3", "-s", "127.0.0.2");
        },
      ],
      [
        "restored without a flush",
        () => restore(host.namespace, "*filter\n:more - [0:0]\n-A more -j RETURN\nCOMMIT\n", "-n"),
      ],
      ["all restored", () => restore(host.namespace, IPTABLES_RULES)],
      [
        "all made again with other rules at the same handles",
        () => {
          host.namespace.run("nft", "flush ruleset");
          restore(host.namespace, IPTABLES_RULES.replace("-p icmp -j", "-s 127.0.0.1 -j").replace("a  b", "c"));
        },
      ],
      ["a table that is gone", () => host.namespace.run("nft", "delete table ip raw")],
      ["all gone", () => host.namespace.run("nft", "flush ruleset")],
    ];
    for (const [what, change] of changes) {
      change();
      await host.assertTrue(what);
      assert.equal(await host.assertTrue(`${what}, and then not`), false, what);
    }
  });
});

describe("rules of nftables", OPTIONS, () => {
  test("that stay as they are are counted by the kernel alone, with named counters, quotas and sets", async () => {
    await using host = await Host.of(
      (namespace) => namespace.run("nft", NFT_RULES),
      (namespace) => relabelled(listed(namespace, "ip", "t")),
    );
    assert.equal(await host.assertTrue("at first"), true);
    for (let scrape = 0; scrape < 3; scrape++) assert.equal(await host.assertTrue("unchanged"), false);
    host.namespace.run("nft", "add element ip t s { 3, 4 }; add counter ip t c { packets 5 bytes 6 }");
    assert.equal(await host.assertTrue("an element and a counter"), false);
    const page = await host.page();
    const named = '{family="ipv4",table="t",name=';
    assert.equal(page.value(`promtap_nftables_set_elements${named}"s"}`), 4);
    assert.equal(page.value(`promtap_nftables_named_packets_total${named}"c"}`), 5);
    const chain = host.namespace.run("nft", "list", "chain", "ip", "t", "own");
    const [, used, unit] = /quota over 1 mbytes used (\d+) (k?)bytes/.exec(chain)!;
    const quota = '{family="ipv4",table="t",chain="own",rule="quota over 1 mbytes counter"}';
    assert.equal(page.value(`promtap_nftables_quota_used_bytes${quota}`), Number(used) * (unit === "k" ? 1024 : 1));
    assert.equal(page.value(`promtap_nftables_quota_bytes${quota}`), 2 ** 20);
  });

  test("that change in whatever way have the counters that nft prints", async () => {
    await using host = await Host.of(
      (namespace) => namespace.run("nft", NFT_RULES),
      (namespace) => relabelled(listed(namespace, "ip", "t")),
    );
    const first = (): string => {
      const [, rules] = host.namespace.run("nft", "-a", "list", "chain", "ip", "t", "in").split(/ hook .*\n/);
      return /handle (\d+)/.exec(rules!)![1]!;
    };
    const changes: [what: string, ...commands: string[]][] = [
      ["inserted", "insert rule ip t in ip saddr 127.0.0.1 counter"],
      ["appended", "add rule ip t own ip daddr 127.0.0.1 counter"],
      ["replaced", "replace rule ip t in handle FIRST ip saddr 127.0.0.2 counter"],
      ["deleted", "delete rule ip t in handle FIRST"],
      ["with a set in it", "insert rule ip t in tcp dport { 1, 2 } counter"],
      [
        "replaced twice by one with another set, of the same name in the end",
        "replace rule ip t in handle FIRST tcp dport { 1, 3 } counter",
        "replace rule ip t in handle FIRST tcp dport { 1, 4 } counter",
      ],
      ["a renamed chain", "rename chain ip t own mine"],
      ["a new chain", "add chain ip t more { type filter hook input priority 6; }; add rule ip t more counter"],
      ["a flushed chain", "flush chain ip t more"],
      [
        "all made again with other rules at the same handles",
        `delete table ip t; ${NFT_RULES.replace("echo-reply", "echo-request")}`,
      ],
    ];
    for (const [what, ...commands] of changes) {
      for (const command of commands) host.namespace.run("nft", command.replace("FIRST", first));
      await host.assertTrue(what);
      assert.equal(await host.assertTrue(`${what}, and then not`), false, what);
    }
  });
});

/** With the page's name of the family. */
function relabelled(counters: Counters): Counters {
  return Object.fromEntries(
    Object.entries(counters).map(([series, value]) => [series.replace('family="ip"', 'family="ipv4"'), value]),
  );
}
