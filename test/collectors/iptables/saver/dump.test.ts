import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Dump } from "../../../../src/collectors/iptables/saver/dump.ts";
import { placeKey } from "../../../../src/collectors/iptables/rule-book.ts";
import { DUMP } from "../fake-programs.ts";

/** The dump read to its end, in pieces of this many bytes. */
function dumpOf(text: string | Uint8Array, length = 65_536, maxSeries = 1000): Dump {
  const bytes = Buffer.from(text);
  const dump = new Dump("ipv4", { maxSeries, withComments: true });
  for (let at = 0; at < bytes.length; at += length) dump.read(bytes.subarray(at, at + length));
  dump.end();
  return dump;
}

/** All that was counted: `table chain policy packets bytes`, and `table chain packets bytes copies rule`. */
function lines({ book }: Dump): string[] {
  const { packets, bytes } = book.counts;
  const count = (slot: number): string => `${packets[slot]} ${bytes[slot]}`;
  return [...book.chains()].flatMap(({ table, name, policy, slot, rules }) => [
    `${table} ${name} ${policy} ${count(slot)}`,
    ...[...rules].map(([text, rule]) => `${table} ${name} ${count(rule.slot)} ${rule.copies} ${text}`),
  ]);
}

const rulesOf = (text: string): string[] => lines(dumpOf(`*filter\n:X - [0:0]\n${text}\nCOMMIT\n`)).slice(1);

describe("a dump", () => {
  test("gives policies and rules, as iptables prints them, and sums rules of the same text", () => {
    const expected = [
      "filter INPUT ACCEPT 10 1000",
      "filter INPUT 1 100 1 -p tcp -m tcp --dport 22 -j ACCEPT",
      "filter INPUT 18446744073709552000 9007199254740992 1 -j own",
      "filter FORWARD DROP 0 0",
      "filter own - 0 0",
      'filter own 2 200 1 -m comment --comment "a \\"b\\"  c it\\\'s } [12:34]" -j RETURN',
      "filter own 7 700 2 -s 10.0.0.1/32",
    ];
    for (const length of [1, 7, 65_536]) assert.deepEqual(lines(dumpOf(DUMP, length)), expected);
    const dump = dumpOf(DUMP);
    assert.deepEqual([dump.unreadable, dump.book.refused, dump.isEmpty], [0, 0, false]);
    assert.deepEqual(
      [...dump.book.chains()].map(({ ruleCount }) => ruleCount),
      [2, 0, 3],
    );
  });

  test("keeps counters up to 2^64-1, as near as a double comes", () => {
    const [line = ""] = rulesOf("[18446744073709551615:18446744073709549568] -A X");
    assert.ok(line.startsWith(`filter X ${2 ** 64} ${2 ** 64 - 2048} 1`), line);
  });

  test("has names with what Unicode takes for white space", () => {
    const name = "a\u00a0b\u2028\u3000";
    const text = `*filter\n:${name} - [1:2]\n[3:4] -A ${name} -o ${name}\nCOMMIT\n`;
    assert.deepEqual(lines(dumpOf(text)), [`filter ${name} - 1 2`, `filter ${name} 3 4 1 -o ${name}`]);
  });

  test("keeps tables apart", () => {
    const text = "*nat\n:X ACCEPT [1:2]\nCOMMIT\n*filter\n:X DROP [3:4]\n[5:6] -A X -j Y\nCOMMIT\n";
    assert.deepEqual(lines(dumpOf(text)), ["nat X ACCEPT 1 2", "filter X DROP 3 4", "filter X 5 6 1 -j Y"]);
  });

  test("may have rules of nothing, and chains that are declared after them, or not at all", () => {
    assert.deepEqual(rulesOf("[1:2] -A X\n[3:4] -A Y -j Z\n:Y - [0:0]"), [
      "filter X 1 2 1 ",
      "filter Y - 0 0",
      "filter Y 3 4 1 -j Z",
    ]);
  });

  test("may hold anything in quotes", () => {
    const comments = ["a\nCOMMIT\n*nat", "[12:34]", "# no", '} \\"x\\" {', "  two  spaces  ", "é€😀", "\u0001\t"];
    const text = comments.map((comment) => `[1:1] -A X -m comment --comment "${comment}" -j Z`);
    assert.deepEqual(
      rulesOf(text.join("\n")),
      text.map((line) => `filter X 1 1 1 ${line.slice("[1:1] -A X ".length)}`),
    );
  });

  test("that is not UTF-8 is shown with replacement characters", () => {
    const bytes = Buffer.from('*filter\n[1:1] -A X --comment "a\xff"\nCOMMIT\n', "latin1");
    assert.deepEqual(lines(dumpOf(bytes)).slice(1), ['filter X 1 1 1 --comment "a\ufffd"']);
  });

  const UNREADABLE = [
    "garbage",
    "[1:2] -D X",
    "[1:2]-A X",
    "[1:2] -A",
    "[1] -A X",
    "[-1:2] -A X",
    "[1:2 -A X",
    "[1:999999999999999999999] -A X",
    "-A X -j Y",
    ":X",
    ":X ACCEPT",
    ":X ACCEPT [1]",
    "*",
    '[1:2] -A X "open',
  ];
  for (const line of UNREADABLE) {
    test(`counts ${JSON.stringify(line)} as unreadable, and reads the rest`, () => {
      const dump = dumpOf(`*filter\n[1:1] -A A\n${line}\n[2:2] -A B\nCOMMIT\n`);
      assert.equal(dump.unreadable, 1);
      assert.deepEqual(lines(dump), ["filter A null 0 0", "filter A 1 1 1 ", "filter B null 0 0", "filter B 2 2 1 "]);
    });
  }

  test("counts rules outside of tables as unreadable", () => {
    assert.equal(dumpOf("*a\nCOMMIT\n[1:1] -A X\n:X - [0:0]\n").unreadable, 2);
  });

  test("may be empty, or of remarks alone", () => {
    for (const text of ["", "# Generated\n\n# Completed\n"]) assert.equal(dumpOf(text).isEmpty, true);
  });

  test("that ends in the middle of a table is an error", () => {
    assert.throws(() => dumpOf("*nat\nCOMMIT\n*filter\n[1:1] -A X"), {
      message: "its output ends in the middle of table filter",
    });
  });

  test("that is something else altogether is an error", () => {
    assert.throws(() => dumpOf("<html>\n</html>\n"), { message: "its output is none of iptables-save" });
  });

  test("tells which tables it shows in full", () => {
    const dump = dumpOf(
      "*nat\nCOMMIT\n# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.\n*filter\nCOMMIT\n",
    );
    assert.deepEqual(
      ["nat", "filter", "raw"].map((table) => dump.shown.hasTable(table)),
      [true, false, false],
    );
  });

  test("sums what is beyond the limit as other", () => {
    const text =
      "*t\n:A - [1:1]\n:B ACCEPT [2:2]\n[1:1] -A A -j X\n[2:2] -A A -j Y\n[4:4] -A A -j Z\n[8:8] -A B -j X\n:C DROP [3:3]\nCOMMIT\n";
    const dump = dumpOf(text, 100, 3);
    assert.deepEqual(lines(dump), [
      "t A - 1 1",
      "t A 1 1 1 -j X",
      "t A 6 6 2 other",
      "t B ACCEPT 2 2",
      "t B 8 8 1 other",
      "t other - 3 3",
    ]);
    assert.equal(dump.book.refused, 3);
  });

  test("keeps which slot each rule counts for, in the order of its own chain", () => {
    const text =
      "*t\n:A - [0:0]\n:B - [0:0]\n[1:1] -A A -j X\n[2:2] -A A -j X\n[4:4] -A B -j Y\n[8:8] -A B -j Z\nCOMMIT\n";
    const { shown, book } = dumpOf(text, 100, 2);
    const packets = (table: string, chain: string): (number | undefined)[] | undefined =>
      shown.order.get(placeKey("ipv4", table, chain))?.slots.map((slot) => book.counts.packets[slot]);
    // Of two series there is none left for rules, and B has none of its own either.
    assert.deepEqual(
      [packets("t", "A"), packets("t", "B")],
      [
        [3, 3],
        [12, 12],
      ],
    );
    assert.deepEqual([shown.hasChain("t", "B"), shown.hasChain("t", "other")], [true, false]);
  });

  test("of any text is read or refused, with the same outcome whatever the pieces", () => {
    const part = fc.constantFrom(
      "*t\n",
      "COMMIT\n",
      ":X - [1:1]\n",
      "[1:1] -A X",
      ' --comment "a',
      '"',
      "\\",
      "\n",
      "é",
      "x",
    );
    const text = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(""));
    const outcome = (dump: () => Dump): unknown => {
      try {
        const read = dump();
        return [lines(read), read.unreadable];
      } catch (error) {
        return (error as Error).message;
      }
    };
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), (each, length) => {
        assert.deepEqual(
          outcome(() => dumpOf(each, length)),
          outcome(() => dumpOf(each)),
        );
      }),
      { numRuns: 1000 },
    );
  });
});

const COMMENTS: [rule: string, comment: string][] = [
  ["-m comment --comment plain -j X", "plain"],
  ['-m comment --comment "a \\"b\\" it\\\'s" -j X', 'a "b" it\'s'],
  ["-m comment --comment a -m comment --comment b", "a; b"],
  ['-j LOG --log-prefix "--comment " -m x', ""],
  ['-j LOG --log-prefix "--comment" x', ""],
  ["-m comment --comment", ""],
  ["-j X", ""],
];
for (const [rule, comment] of COMMENTS) {
  test(`the comment of ${rule} is ${JSON.stringify(comment)}`, () => {
    const [chain] = dumpOf(`*t\n[0:0] -A X ${rule}\nCOMMIT\n`).book.chains();
    assert.equal(chain!.rules.get(rule)!.comment, comment);
  });
}
