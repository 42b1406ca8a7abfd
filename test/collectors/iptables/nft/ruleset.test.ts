import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Named, NamedBook } from "../../../../src/collectors/iptables/named.ts";
import { type ChainFilter, Ruleset } from "../../../../src/collectors/iptables/nft/ruleset.ts";
import { placeKey } from "../../../../src/collectors/iptables/rule-book.ts";

const ALL: ChainFilter = () => false;

function rulesetOf(objects: unknown[], maxSeries = 100, isForeign = ALL): Ruleset {
  const ruleset = new Ruleset({ maxSeries, withComments: true }, isForeign);
  ruleset.read(Buffer.from(JSON.stringify({ nftables: objects })));
  ruleset.end();
  return ruleset;
}

const counter = (packets: number, bytes: number) => ({ counter: { packets, bytes } });

function rule(chain: string, expr: unknown[], more: Record<string, unknown> = {}): unknown {
  return { rule: { family: "inet", table: "t", chain, handle: 1, expr, ...more } };
}

const object = (kind: string, name: string, more: Record<string, unknown>): unknown => ({
  [kind]: { family: "inet", table: "t", name, handle: 1, ...more },
});

function lines({ book }: Ruleset): string[] {
  return [...book.chains()].flatMap(({ family, table, name, ruleCount, rules }) => [
    `${family} ${table} ${name} ${ruleCount}`,
    ...[...rules].map(
      ([text, { slot, copies, comment }]) =>
        `${book.counts.packets[slot]} ${book.counts.bytes[slot]} ${copies} ${text} (${comment})`,
    ),
  ]);
}

/** What has a name, and the quotas of rules. */
const namedOf = ({ named, ruleQuotas }: Ruleset): Named[] => [...named, ...ruleQuotas.map((quota) => quota.named)];
const named = (ruleset: Ruleset, limit = 100) => {
  const book = new NamedBook(limit);
  for (const each of namedOf(ruleset)) book.add(each);
  return book
    .all()
    .map(({ kind, labels, first, second }) => `${kind} ${Object.values(labels).join(" ")} ${first} ${second}`);
};

describe("a ruleset", () => {
  test("gives the rules that have counters, and how many rules there are", () => {
    const ruleset = rulesetOf([
      { metainfo: { version: "1.0.6" } },
      { table: { family: "inet", name: "t", handle: 1 } },
      object("chain", "c", { type: "filter", hook: "input", policy: "drop" }),
      rule("c", [counter(2 ** 64, 2), { accept: null }]),
      rule("c", [{ drop: null }]),
      rule("c", [counter(3, 4), { accept: null }], { comment: 'a "b' }),
      rule("c", [counter(3, 4), { accept: null }], { comment: 'a "b' }),
      object("chain", "d", {}),
    ]);
    assert.deepEqual(lines(ruleset), [
      "inet t c 4",
      "18446744073709552000 2 1 counter accept ()",
      '6 8 2 counter accept comment "a "b" (a "b)',
      "inet t d 0",
    ]);
    const [chain] = ruleset.book.chains();
    assert.equal(chain!.policy, null);
  });

  test("takes what is 2^63 and more, which jansson makes negative", () => {
    const ruleset = rulesetOf([
      rule("c", [counter(-1, -(2 ** 63)), { accept: null }]),
      object("counter", "n", { packets: -(2 ** 62), bytes: -1 }),
    ]);
    assert.deepEqual(lines(ruleset), ["inet t c 1", "18446744073709552000 9223372036854776000 1 counter accept ()"]);
    assert.deepEqual(named(ruleset), ["counter inet t n 13835058055282164000 18446744073709552000"]);
    assert.equal(ruleset.unreadable, 0);
  });

  test("may have any name that objects of JavaScript have, wherever it is a name", () => {
    for (const name of [...Object.getOwnPropertyNames(Object.prototype), "toJSON"]) {
      const ruleset = rulesetOf([
        { table: { family: name, name } },
        { chain: { family: name, table: name, name } },
        { rule: { family: name, table: name, chain: name, comment: name, expr: [counter(1, 2), { [name]: null }] } },
        {
          rule: {
            family: name,
            table: name,
            chain: name,
            expr: [counter(3, 4), { match: { left: { [name]: name } } }],
          },
        },
        { rule: { family: name, table: name, chain: name, expr: [{ quota: { val: 5, val_unit: name, used: 6 } }] } },
        { counter: { family: name, table: name, name, packets: 7, bytes: 8 } },
        { [name]: { family: name, table: name, name } },
      ]);
      const [chain, ...others] = [...ruleset.book.chains()];
      assert.deepEqual([chain!.family, chain!.table, chain!.name, others.length], [name, name, name, 0]);
      assert.deepEqual(
        [...chain!.rules].map(([text, { slot }]) => [typeof text, ruleset.book.counts.packets[slot]]),
        [
          ["string", 1],
          ["string", 3],
        ],
      );
      assert.deepEqual(
        namedOf(ruleset).map(({ labels, first, second }) => [Object.values(labels)[0], first, second]),
        [
          [name, 7, 8],
          [name, 6, 5],
        ],
      );
      assert.equal(ruleset.unreadable, 0);
    }
  });

  test("has families by the names of the page", () => {
    const chains = ["ip", "ip6", "inet", "arp", "bridge", "netdev"].map((family) => ({
      chain: { family, table: "t", name: "c" },
    }));
    assert.deepEqual(
      [...rulesetOf(chains).book.chains()].map(({ family }) => family),
      ["ipv4", "ipv6", "inet", "arp", "bridge", "netdev"],
    );
  });

  test("counts a rule by its last counter", () => {
    assert.deepEqual(lines(rulesetOf([rule("c", [counter(9, 9), { drop: null }, counter(1, 2)])])), [
      "inet t c 1",
      "1 2 1 counter drop counter ()",
    ]);
  });

  test("gives named counters, quotas and sets, and quotas of rules", () => {
    const quota = { val: 5, val_unit: "mbytes", used: 3, used_unit: "kbytes", inv: true };
    const ruleset = rulesetOf([
      object("counter", "c1", { packets: 1, bytes: 2 }),
      object("quota", "q1", { bytes: 10_485_760, used: 5, inv: true }),
      object("set", "s1", { size: 9, elem: [1, 2, 3] }),
      object("set", "s2", {}),
      object("map", "m1", { elem: [[1, 2]] }),
      object("flowtable", "f", {}),
      rule("c", [{ quota }, { drop: null }]),
      rule("c", [{ quota }, { drop: null }]),
      rule("c", [{ quota: "q1" }, { counter: "c1" }]),
    ]);
    assert.deepEqual(named(ruleset), [
      "counter inet t c1 1 2",
      "quota inet t q1 5 10485760",
      "set inet t s1 3 9",
      "set inet t s2 0 undefined",
      "set inet t m1 1 undefined",
      "quota inet t c quota over 5 mbytes drop 6144 10485760",
    ]);
    assert.deepEqual(lines(ruleset), ["inet t c 3"]);
    assert.equal(ruleset.unreadable, 0);
  });

  test("keeps the slots of rules in the order of their chain, and the places of quotas", () => {
    const quota = { val: 5, used: 3 };
    const { order, ruleQuotas, book } = rulesetOf([
      rule("c", [{ drop: null }]),
      rule("c", [counter(1, 1)]),
      rule("d", [counter(2, 2)]),
      rule("c", [counter(4, 4), { quota }, { quota }]),
    ]);
    const { slots } = order.get(placeKey("inet", "t", "c"))!;
    assert.deepEqual(
      slots.map((slot) => book.counts.packets[slot]),
      [undefined, 1, 4],
    );
    assert.deepEqual(
      ruleQuotas.map(({ chain, place }) => [chain, place]),
      [
        [placeKey("inet", "t", "c"), 2],
        [placeKey("inet", "t", "c"), 2],
      ],
    );
  });

  test("printed without elements leaves it open how many there are", () => {
    const ruleset = new Ruleset({ maxSeries: 9, withComments: true }, ALL, false);
    ruleset.read(Buffer.from(JSON.stringify({ nftables: [object("set", "s", { size: 9 })] })));
    assert.deepEqual(named(ruleset), ["set inet t s undefined 9"]);
  });

  test("leaves out chains that are counted elsewhere, and no others of their table", () => {
    const isForeign: ChainFilter = (family, table, chain) => family === "inet" && table === "t" && chain === "theirs";
    const objects = [object("chain", "theirs", {}), rule("theirs", [counter(1, 1)]), rule("ours", [counter(2, 2)])];
    assert.deepEqual(lines(rulesetOf(objects, 100, isForeign)), ["inet t ours 1", "2 2 1 counter ()"]);
  });

  test("sums what is beyond the limit as other", () => {
    const rules = [1, 2, 4].map((count) => rule("c", [counter(count, count), { jump: { target: `x${count}` } }]));
    const counters = ["a", "b", "c", "d"].map((name, index) =>
      object("counter", name, { packets: 2 ** index, bytes: 1 }),
    );
    const ruleset = rulesetOf([...rules, ...counters], 2);
    assert.deepEqual(lines(ruleset), ["inet t c 3", "1 1 1 counter jump x1 ()", "6 6 2 other ()"]);
    assert.deepEqual(named(ruleset, 2), ["counter inet t a 1 1", "counter inet t b 2 1", "counter inet t other 12 2"]);
    assert.equal(ruleset.book.refused, 2);
  });

  test("counts objects that it can't read, and goes on", () => {
    const odd = [
      {},
      { a: 1, b: 2 },
      [],
      1,
      null,
      "x",
      { rule: null },
      { rule: { family: 1 } },
      object("counter", "c", { packets: "1" }),
    ];
    const ruleset = rulesetOf([...odd, rule("c", [counter(1, 1)])]);
    // Objects that are not in braces are none.
    assert.equal(ruleset.unreadable, 6);
    assert.deepEqual(lines(ruleset), ["inet t c 1", "1 1 1 counter ()"]);
  });

  test("takes names that mean something to JavaScript for names", () => {
    const text =
      '{"nftables":[{"__proto__":{}},{"rule":{"family":"ip","table":"__proto__","chain":"constructor","expr":[{"__proto__":1},{"constructor":{}},{"counter":{"packets":1,"bytes":1}}]}}]}';
    const ruleset = new Ruleset({ maxSeries: 9, withComments: true }, ALL);
    ruleset.read(Buffer.from(text));
    assert.deepEqual(lines(ruleset), [
      "ipv4 __proto__ constructor 1",
      '1 1 1 {"__proto__":1} {"constructor":{}} counter ()',
    ]);
    assert.equal(ruleset.unreadable, 1);
  });

  test("that is cut off is an error", () => {
    for (const text of ["", '{"nftables": [{"metainfo": {}}', "Error: no\n"]) {
      const ruleset = new Ruleset({ maxSeries: 9, withComments: true }, ALL);
      ruleset.read(Buffer.from(text));
      assert.throws(() => ruleset.end(), { message: "its output is not whole, or none of nft -j" });
    }
  });

  test("of any JSON is read or counted as unreadable", () => {
    const key = fc.constantFrom(
      "rule",
      "chain",
      "set",
      "family",
      "table",
      "name",
      "chain",
      "expr",
      "counter",
      "quota",
      "packets",
      "bytes",
      "match",
      "left",
      "right",
      "op",
      "val",
      "elem",
      "map",
      "limit",
      "log",
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: "medium" },
        fc.string(),
        fc.double(),
        fc.constant(null),
        fc.array(tie("tree")),
        fc.dictionary(key, tie("tree")),
      ),
    }));
    fc.assert(
      fc.property(fc.array(fc.dictionary(key, tree)), fc.array(tree), (objects, expr) => {
        const ruleset = rulesetOf([...objects, rule("c", [...expr, counter(1, 1)])]);
        assert.ok([...ruleset.book.chains()].some(({ name, rules }) => name === "c" && rules.size > 0));
      }),
    );
  });
});
