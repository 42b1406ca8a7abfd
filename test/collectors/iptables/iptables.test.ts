import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { findPrograms, findStandard } from "../../../src/collectors/iptables/backends.ts";
import { IptablesCollector, type IptablesOptions } from "../../../src/collectors/iptables/iptables.ts";
import { Format } from "../../../src/page/negotiation.ts";
import { makePage } from "../../../src/page/page.ts";
import { parseExposition } from "../../page/exposition-parser.ts";
import { Page } from "../../support/page.ts";
import { lacking } from "../../support/requirements.ts";
import { until } from "../../support/waiting.ts";
import { DUMP, FakePrograms } from "./fake-programs.ts";

/** Far enough for all that ends by itself. */
const IN_TIME_MS = 60_000;
const OPTIONS: IptablesOptions = { isCompat: false, withComments: false, maxSeries: 1000 };
const EMPTY_RULESET = '{"nftables": [{"metainfo": {"version": "1.0.6"}}]}\n';
const GOLDEN = resolve(import.meta.dirname, "../../golden");
const TIMEOUT = { timeout: 60_000 };

interface Change {
  source: string;
  error: string | undefined;
  stderr: string;
}

/** A collector over fake programs, and what it has told. */
class Site implements AsyncDisposable {
  readonly changes: Change[] = [];
  readonly collector: IptablesCollector;

  private constructor(programs: Awaited<ReturnType<typeof findPrograms>>, options: Partial<IptablesOptions>) {
    this.collector = new IptablesCollector(
      programs,
      { ...OPTIONS, ...options },
      ({ backend, family }, error, stderr) => {
        this.changes.push({ source: `${backend} ${family ?? "all"}`, error, stderr });
      },
    );
  }

  static async of(fakes: FakePrograms, options: Partial<IptablesOptions> = {}): Promise<Site> {
    const { signal } = new AbortController();
    const find = options.isCompat === true ? findStandard : findPrograms;
    return new Site(await find([fakes.path], signal), options);
  }

  async text(format: Format = Format.TEXT, ms = IN_TIME_MS): Promise<string> {
    const chunks: Buffer[] = [];
    const families = await this.collector.collect(performance.now() + ms);
    for await (const chunk of makePage(families, format)) chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks);
    parseExposition(text, format);
    return text.toString();
  }

  async page(ms?: number): Promise<Page> {
    return new Page(await this.text(Format.TEXT, ms));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.collector[Symbol.asyncDispose]();
  }
}

const success = (page: Page, labels: string): number | undefined => page.value(`iptables_scrape_success${labels}`);
const NFT4 = '{family="ipv4",backend="iptables-nft"}';
const NFT6 = '{family="ipv6",backend="iptables-nft"}';
const NFTABLES = '{backend="nftables"}';
const INPUT_RULE =
  'iptables_rule_packets_total{family="ipv4",backend="iptables-nft",table="filter",chain="INPUT",rule="-p tcp -m tcp --dport 22 -j ACCEPT"}';

/** A ruleset with a table of iptables-nft's, one of its own, and an odd chain in the former. */
const RULESET = {
  nftables: [
    { metainfo: { version: "1.0.6" } },
    { table: { family: "ip", name: "filter" } },
    { chain: { family: "ip", table: "filter", name: "INPUT" } },
    { rule: { family: "ip", table: "filter", chain: "INPUT", expr: [{ counter: { packets: 1, bytes: 100 } }] } },
    { chain: { family: "ip", table: "filter", name: "odd" } },
    { rule: { family: "ip", table: "filter", chain: "odd", expr: [{ counter: { packets: 5, bytes: 500 } }] } },
    { table: { family: "inet", name: "host" } },
    { chain: { family: "inet", table: "host", name: "input" } },
    { counter: { family: "inet", table: "host", name: "web", packets: 3, bytes: 300 } },
    { quota: { family: "inet", table: "host", name: "daily", bytes: 1000, used: 10 } },
    { set: { family: "inet", table: "host", name: "bad", size: 10, elem: ["192.0.2.1", "192.0.2.2"] } },
    {
      rule: {
        family: "inet",
        table: "host",
        chain: "input",
        comment: 'a "b" }',
        expr: [
          { match: { op: "==", left: { payload: { protocol: "tcp", field: "dport" } }, right: 443 } },
          { counter: { packets: 7, bytes: 700 } },
          { accept: null },
        ],
      },
    },
  ],
};

/** All programs, with a little of everything. */
function addAll(fakes: FakePrograms): void {
  fakes.print(
    "iptables-nft-save",
    DUMP.replace(
      "*filter",
      "# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.\n*filter",
    ),
  );
  fakes.print("ip6tables-nft-save", "*filter\n:INPUT ACCEPT [4:5]\nnonsense\nCOMMIT\n");
  fakes.print("nft", JSON.stringify(RULESET));
}

/** Compares with a golden page; UPDATE_GOLDEN=1 writes it again. */
function assertGolden(name: string, text: string): void {
  const path = resolve(GOLDEN, name);
  const stable = text.replace(/^(iptables_scrape_duration_seconds\S*) .*$/gm, "$1 0.01");
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, stable);
  assert.equal(stable, readFileSync(path, "utf8"));
}

describe("the page of the firewall", TIMEOUT, () => {
  test("is the golden page", async () => {
    using fakes = new FakePrograms();
    addAll(fakes);
    await using site = await Site.of(fakes, { withComments: true });
    assertGolden("iptables.txt", await site.text());
    assert.deepEqual(site.changes, []);
  });

  test("has no fault that promtool finds", { skip: lacking("promtool") }, () => {
    for (const name of ["iptables.txt", "iptables-compat.txt"]) {
      execFileSync("promtool", ["check", "metrics"], { input: readFileSync(resolve(GOLDEN, name)) });
    }
  });

  test("is iptables_exporter's with isCompat", async () => {
    using fakes = new FakePrograms();
    addAll(fakes);
    fakes.print("iptables-save", DUMP);
    await using site = await Site.of(fakes, { isCompat: true });
    const text = await site.text();
    const original = text.split(/^(?=# HELP )/m).filter((family) => family.startsWith("# HELP iptables_"));
    assertGolden("iptables-compat.txt", original.join(""));
  });

  test("is well formed in OpenMetrics", async () => {
    using fakes = new FakePrograms();
    addAll(fakes);
    await using site = await Site.of(fakes);
    const text = await site.text(Format.OPENMETRICS);
    assert.match(text, /^# TYPE iptables_rule_bytes counter$/m);
    assert.match(text, /^iptables_rule_bytes_total\{.*\} 100$/m);
  });

  test("sums what is beyond the limit, so that the sums stay", async () => {
    using fakes = new FakePrograms();
    const rules = Array.from({ length: 1000 }, (_, index) => `[1:10] -A X -s 10.0.0.${index}\n`).join("");
    fakes.print("iptables-nft-save", `*filter\n:X - [0:0]\n${rules}COMMIT\n`);
    await using site = await Site.of(fakes, { maxSeries: 101 });
    const page = await site.page();
    assert.equal(page.sum("iptables_rule_packets_total"), 1000);
    assert.equal(page.sum("iptables_rule_packets_total", 'rule="other"'), 900);
    assert.equal(page.value(`promtap_iptables_other_rules${NFT4}`), 900);
    assert.equal(page.sum("promtap_iptables_rules"), 1000);
  });
});

describe("a backend that fails leaves the others on the page:", TIMEOUT, () => {
  /** What iptables-nft-save does, and the error that is told. */
  const FAILURES: [what: string, script: string | null, error: RegExp][] = [
    ["it is missing", null, /couldn't be started: .*ENOENT/],
    ["it fails", "echo 'Fatal: no' >&2; exit 1", /ended with exit status 1$/],
    ["it is killed", "kill -KILL $$", /was ended by SIGKILL$/],
    ["it prints garbage", "echo garbage", /its output is none of iptables-save$/],
    ["it stops in the middle", "echo '*filter'", /ends in the middle of table filter$/],
    ["it floods", "exec cat /dev/zero", /printed more than 100 MB$/],
    ["it lacks a capability", "echo 'Permission denied (you must be root)' >&2; exit 4", /ended with exit status 4$/],
  ];
  for (const [what, script, error] of FAILURES) {
    test(what, async () => {
      using fakes = new FakePrograms();
      addAll(fakes);
      await using site = await Site.of(fakes);
      const path = fakes.add("iptables-nft-save", script ?? "");
      if (script === null) fakes.remove("iptables-nft-save");
      const page = await site.page();
      assert.deepEqual([success(page, NFT4), success(page, NFT6), success(page, NFTABLES)], [0, 1, 1]);
      assert.equal(page.value(INPUT_RULE), undefined);
      assert.equal(page.sum("iptables_default_packets_total", 'family="ipv6"'), 4);
      assert.equal(page.sum("iptables_rule_packets_total", 'table="host"'), 7);
      // What is iptables-nft's may not appear as another's.
      assert.equal(page.sum("iptables_rule_packets_total", 'table="filter"'), 0);
      const [change] = site.changes;
      assert.deepEqual([site.changes.length, change?.source], [1, "iptables-nft ipv4"]);
      assert.ok(change!.error!.startsWith(`${path} `), change!.error);
      assert.match(change!.error!, error);
    });
  }

  test("it hangs, and is not begun again while it does", async () => {
    using fakes = new FakePrograms();
    addAll(fakes);
    await using site = await Site.of(fakes);
    fakes.add("iptables-nft-save", 'echo x >>"$0.log"; sleep 1000');
    for (let scrape = 0; scrape < 2; scrape++) {
      const page = await site.page(2500);
      assert.deepEqual([success(page, NFT4), success(page, NFT6), success(page, NFTABLES)], [0, 1, 1]);
    }
    assert.equal(site.changes.length, 1);
    assert.match(site.changes[0]!.error!, /isn't done in its share of the scrape's time .*, and goes on/);
    assert.equal(fakes.log("iptables-nft-save").length, 1);
  });

  test("it is slow, and is shown when it is done, with its age", async () => {
    using fakes = new FakePrograms();
    addAll(fakes);
    await using site = await Site.of(fakes);
    const waits = (until: string): string =>
      `echo x >>"$0.log"; while [ ! -e '${fakes.path}/${until}' ]; do sleep 0.01; done; echo x >>"$0.done"`;
    fakes.add("iptables-nft-save", `${waits("one")}; cat '${fakes.path}/iptables-nft-save.txt'`);
    const age = (page: Page): number | undefined => page.value(`promtap_iptables_age_seconds${NFT4}`);
    const first = await site.page(500);
    assert.deepEqual([success(first, NFT4), age(first)], [0, undefined]);
    writeFileSync(`${fakes.path}/one`, "");
    const second = await site.page();
    assert.deepEqual([success(second, NFT4), second.value(INPUT_RULE), age(second)], [1, 1, 0]);
    assert.equal(fakes.log("iptables-nft-save").length, 1);
    fakes.add("iptables-nft-save", waits("two"));
    const third = await site.page(500);
    assert.deepEqual([success(third, NFT4), third.value(INPUT_RULE)], [1, 1]);
    assert.ok(age(third)! > 0);
  });

  test("nft fails", async () => {
    using fakes = new FakePrograms();
    addAll(fakes);
    fakes.add("nft", "echo '{\"nftables\": ['; exit 0");
    await using site = await Site.of(fakes);
    const page = await site.page();
    assert.deepEqual([success(page, NFT4), success(page, NFTABLES)], [1, 0]);
    assert.equal(page.value(INPUT_RULE), 1);
    assert.match(site.changes[0]!.error!, /its output is not whole, or none of nft -j/);
  });

  test("all do, and there is still a page", async () => {
    using fakes = new FakePrograms();
    fakes.add("iptables-nft-save", "exit 1");
    fakes.add("nft", "exit 1");
    await using site = await Site.of(fakes);
    const page = await site.page();
    assert.deepEqual([success(page, NFT4), success(page, NFTABLES)], [0, 0]);
    assert.equal(page.samples.size, 4);
  });

  test("with isCompat there are the two metrics of the scrape then, and they are there even if no table is", async () => {
    for (const script of ["exit 1", "exit 0", "echo '# nothing'"]) {
      using fakes = new FakePrograms();
      fakes.add("xtables-nft-multi", script);
      fakes.link("xtables-nft-multi", "iptables-save");
      await using site = await Site.of(fakes, { isCompat: true });
      const names = [...(await site.page()).samples.keys()];
      assert.deepEqual(names, ["iptables_scrape_duration_seconds", "iptables_scrape_success"], script);
    }
  });
});

describe("what the programs say", TIMEOUT, () => {
  test("is told when it changes, and once", async () => {
    using fakes = new FakePrograms();
    addAll(fakes);
    await using site = await Site.of(fakes);
    const steps: [script: string, told: [error: boolean, stderr: string] | null][] = [
      [`cat '${fakes.path}/iptables-nft-save.txt'`, null],
      ["echo one >&2; exit 1", [true, "one"]],
      ["echo one >&2; exit 1", null],
      ["echo two >&2; exit 1", [true, "two"]],
      ["exit 1", [true, ""]],
      ["exit 2", [true, ""]],
      ["echo warning >&2", [false, "warning"]],
      ["echo warning >&2", null],
      ["exit 0", [false, ""]],
    ];
    for (const [script, told] of steps) {
      fakes.add("iptables-nft-save", script);
      await site.page();
      const changes = site.changes.splice(0).map(({ error, stderr }) => [error !== undefined, stderr]);
      assert.deepEqual(changes, told === null ? [] : [told], script);
    }
  });
});

describe("exit status 4", TIMEOUT, () => {
  test("is taken for somebody else at work, and the program is run again", async () => {
    using fakes = new FakePrograms();
    addAll(fakes);
    await using site = await Site.of(fakes);
    const busy = `echo x >>"$0.log"; [ $(wc -l <"$0.log") -lt 4 ] && { echo '*raw'; exit 4; }`;
    fakes.add("iptables-nft-save", `${busy}; cat '${fakes.path}/iptables-nft-save.txt'`);
    const page = await site.page();
    assert.equal(success(page, NFT4), 1);
    assert.equal(page.value(INPUT_RULE), 1);
    assert.equal(fakes.log("iptables-nft-save").length, 4);
    assert.deepEqual(site.changes, []);
  });

  test("is an error at the deadline", async () => {
    using fakes = new FakePrograms();
    fakes.add("iptables-nft-save", 'echo x >>"$0.log"; exit 4');
    await using site = await Site.of(fakes);
    assert.equal(success(await site.page(1500), NFT4), 0);
    assert.match(site.changes[0]!.error!, /ended with exit status 4$/);
    assert.ok(fakes.log("iptables-nft-save").length > 1);
  });

  test("is an error at once if permission is missing", async () => {
    using fakes = new FakePrograms();
    fakes.add("iptables-nft-save", 'echo x >>"$0.log"; echo Operation not permitted >&2; exit 4');
    await using site = await Site.of(fakes);
    await site.page();
    assert.equal(fakes.log("iptables-nft-save").length, 1);
  });
});

describe("nft", TIMEOUT, () => {
  test("is asked for the rules without elements, and for elements only if there are sets", async () => {
    using fakes = new FakePrograms();
    fakes.print("ruleset", JSON.stringify(RULESET));
    fakes.add("nft", `echo "$*" >>"$0.log"; cat '${fakes.path}/ruleset.txt'`);
    await using site = await Site.of(fakes);
    const page = await site.page();
    assert.equal(page.sum("iptables_rule_packets_total", 'backend="nftables"'), 13);
    assert.equal(page.value('promtap_nftables_set_elements{family="inet",table="host",name="bad"}'), 2);
    assert.equal(page.value("promtap_nftables_set_elements_age_seconds"), 0);
    assert.deepEqual(fakes.log("nft"), ["-j -t list ruleset", "-j list ruleset"]);
    fakes.print("ruleset", JSON.stringify({ nftables: RULESET.nftables.filter((object) => !("set" in object)) }));
    await site.page();
    assert.deepEqual(fakes.log("nft").slice(2), ["-j -t list ruleset"]);
  });

  test("counts elements in time of its own, which holds no rules", async () => {
    using fakes = new FakePrograms();
    fakes.print("ruleset", JSON.stringify(RULESET));
    const counting = `while [ ! -e '${fakes.path}/go' ]; do sleep 0.01; done`;
    fakes.add("nft", `[ "$2" = -t ] || { ${counting}; }; cat '${fakes.path}/ruleset.txt'; echo >>"$0.done"`);
    await using site = await Site.of(fakes);
    const elements = (page: Page) => page.value('promtap_nftables_set_elements{family="inet",table="host",name="bad"}');
    for (let scrape = 0; scrape < 2; scrape++) {
      const page = await site.page();
      assert.equal(page.sum("iptables_rule_packets_total", 'backend="nftables"'), 13);
      assert.equal(page.value('promtap_nftables_set_elements_limit{family="inet",table="host",name="bad"}'), 10);
      assert.deepEqual(
        [elements(page), page.value("promtap_nftables_set_elements_age_seconds")],
        [undefined, undefined],
      );
    }
    writeFileSync(`${fakes.path}/go`, "");
    let page = await site.page();
    while (elements(page) === undefined) page = await site.page();
    assert.equal(elements(page), 2);
    assert.ok(page.value("promtap_nftables_set_elements_age_seconds")! >= 0);
  });

  test("does not show what iptables-nft-save shows when that is slow", async () => {
    using fakes = new FakePrograms();
    fakes.print("dump", DUMP);
    // Done when nft has given up to wait.
    const wait = `while ! grep -q ruleset '${fakes.path}/nft.log'; do sleep 0.01; done`;
    fakes.add("iptables-nft-save", `${wait}; cat '${fakes.path}/dump.txt'`);
    fakes.print("ruleset", JSON.stringify(RULESET));
    fakes.add("nft", `echo "$*" >>"$0.log"; cat '${fakes.path}/ruleset.txt'`);
    await using site = await Site.of(fakes);
    const page = await site.page(8000);
    assert.deepEqual([success(page, NFT4), success(page, NFTABLES)], [1, 1]);
    assert.equal(page.value(INPUT_RULE), 1);
    assert.equal(page.sum("iptables_rule_packets_total", 'table="filter"', 'backend="nftables"'), 0);
    assert.equal(page.sum("iptables_rule_packets_total", 'table="host"'), 7);
  });
});

describe("scrapes", TIMEOUT, () => {
  test("at the same time share one run", async () => {
    using fakes = new FakePrograms();
    const script = `echo x >>"$0.log"; while [ ! -e '${fakes.path}/go' ]; do sleep 0.01; done; cat '${fakes.path}/dump.txt'`;
    fakes.print("dump", DUMP);
    fakes.add("iptables-nft-save", script);
    fakes.print("nft", EMPTY_RULESET);
    await using site = await Site.of(fakes);
    const pages = Array.from({ length: 20 }, () => site.page());
    await until("it runs", () => fakes.log("iptables-nft-save").length > 0);
    writeFileSync(`${fakes.path}/go`, "");
    for (const page of await Promise.all(pages)) assert.equal(page.value(INPUT_RULE), 1);
    assert.equal(fakes.log("iptables-nft-save").length, 1);
    await site.page();
    assert.equal(fakes.log("iptables-nft-save").length, 2);
  });

  test("with more time than the one whose run they share have what that could not wait for", async () => {
    using fakes = new FakePrograms();
    const wait = `echo x >>"$0.log"; while [ ! -e '${fakes.path}/go' ]; do sleep 0.01; done`;
    fakes.print("dump", DUMP);
    fakes.add("iptables-nft-save", `${wait}; cat '${fakes.path}/dump.txt'`);
    await using site = await Site.of(fakes);
    const short = site.page(500);
    const long = site.page();
    assert.equal(success(await short, NFT4), 0);
    writeFileSync(`${fakes.path}/go`, "");
    assert.equal(success(await long, NFT4), 1);
    assert.equal(fakes.log("iptables-nft-save").length, 1);
  });

  test("end with the collector", async () => {
    using fakes = new FakePrograms();
    fakes.add("iptables-nft-save", 'echo $$ >>"$0.log"; sleep 1000');
    const site = await Site.of(fakes);
    const page = site.page();
    await until("it runs", () => fakes.log("iptables-nft-save").length > 0);
    await site[Symbol.asyncDispose]();
    assert.equal(success(await page, NFT4), 0);
  });
});
