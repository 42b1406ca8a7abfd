import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { KernelChain, KernelTable } from "../../../../src/collectors/iptables/kernel/chains.ts";
import { Listing } from "../../../../src/collectors/iptables/nft/listing.ts";
import { FakePrograms } from "../fake-programs.ts";

const EMPTY = '{"nftables": []}';
const OPTIONS = { maxSeries: 100, withComments: false };

const tableOf = (name: string, family = "inet"): KernelTable => ({ family, familyNumber: 1, name, handle: 1 });
const chainOf = (table: string, family = "inet"): KernelChain => ({
  family,
  familyNumber: 1,
  table,
  name: "c",
  handle: 1,
  policy: undefined,
  packets: 0,
  bytes: 0,
});

/** What nft was asked for, on a host with these tables, of which those of `own` are asked for. */
async function asked(fakes: FakePrograms, tables: KernelTable[], own: KernelChain[]) {
  const limits = { deadline: performance.now() + 60_000, signal: new AbortController().signal };
  const listing = new Listing(`${fakes.path}/nft`, OPTIONS);
  const { outcome } = await listing.rules(() => false, limits, { generation: 1, tables, chains: own }, own);
  return { error: outcome.error, commands: fakes.log("nft"), listing, limits };
}

describe("nft", { timeout: 60_000 }, () => {
  const printing = `echo "$*" >>"$0.log"; echo '${EMPTY}'`;

  test("is asked for the tables that others do not show, each once", async () => {
    using fakes = new FakePrograms();
    fakes.add("nft", printing);
    const own = [chainOf("host"), chainOf("host"), chainOf("nat", "ipv6"), chainOf("x", "bridge")];
    const { commands, error } = await asked(
      fakes,
      [tableOf("filter", "ipv4"), ...own.map((chain) => tableOf(chain.table))],
      own,
    );
    assert.equal(error, undefined);
    assert.deepEqual(commands, ["-j -t list table inet host", "-j -t list table ip6 nat", "-j -t list table bridge x"]);
  });

  test("is asked for nothing if all is others'", async () => {
    using fakes = new FakePrograms();
    fakes.add("nft", printing);
    assert.deepEqual((await asked(fakes, [tableOf("filter", "ipv4")], [])).commands, []);
  });

  test("is asked for all if that is as much, if tables are many, or one can't be named", async () => {
    const other = tableOf("filter", "ipv4");
    const many = Array.from({ length: 9 }, (_, index) => `t${index}`);
    const cases = [
      [[], ["host"]],
      [[other], many],
      [[other], ["host", "a@b"]],
      [[other], ["-f"]],
      [[other], ["x; flush ruleset"]],
    ] as const;
    for (const [others, names] of cases) {
      using fakes = new FakePrograms();
      fakes.add("nft", printing);
      const tables = [...others, ...names.map((name) => tableOf(name))];
      assert.deepEqual(
        (
          await asked(
            fakes,
            tables,
            names.map((name) => chainOf(name)),
          )
        ).commands,
        ["-j -t list ruleset"],
      );
    }
  });

  test("is asked for all if a table is gone", async () => {
    using fakes = new FakePrograms();
    fakes.add("nft", `${printing}; [ "$4" = ruleset ]`);
    const { commands, error } = await asked(fakes, [tableOf("filter", "ipv4"), tableOf("host")], [chainOf("host")]);
    assert.equal(error, undefined);
    assert.deepEqual(commands, ["-j -t list table inet host", "-j -t list ruleset"]);
  });

  test("that knows no -t is asked without it, and then always", async () => {
    using fakes = new FakePrograms();
    fakes.add(
      "nft",
      `echo "$*" >>"$0.log"; case "$*" in *-t*) echo "nft: unrecognized option: t" >&2; exit 1;; esac; echo '${EMPTY}'`,
    );
    const { commands, error, listing, limits } = await asked(fakes, [tableOf("host")], [chainOf("host")]);
    assert.equal(error, undefined);
    assert.deepEqual(commands, ["-j -t list ruleset", "-j list ruleset"]);
    await listing.rules(() => false, limits);
    assert.deepEqual(fakes.log("nft").slice(2), ["-j list ruleset"]);
  });

  test("that fails for another reason is asked once", async () => {
    using fakes = new FakePrograms();
    fakes.add("nft", `echo "$*" >>"$0.log"; echo Operation not permitted >&2; exit 1`);
    const { commands, error } = await asked(fakes, [tableOf("host")], [chainOf("host")]);
    assert.equal(error, "ended with exit status 1");
    assert.deepEqual(commands, ["-j -t list ruleset"]);
  });
});
