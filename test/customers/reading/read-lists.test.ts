import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import type { ListFormat, Series } from "../../../src/config/prefix-lists.ts";
import { textAt } from "../../../src/customers/label-texts.ts";
import { parseLabels } from "../../../src/page/labels.ts";
import type { PrefixSet } from "../../../src/customers/prefix-set.ts";
import { type ReadLists, readLists } from "../../../src/customers/reading/read-lists.ts";
import { labelsIn } from "../prefix-sets.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";

const folder = new TemporaryFolder();
after(() => folder[Symbol.dispose]());

interface Options {
  format?: ListFormat;
  series?: Series;
  isLenient?: boolean;
}

let files = 0;

async function read(text: string | Uint8Array, options: Options = {}): Promise<ReadLists> {
  const path = join(folder.path, `list${files++}`);
  writeFileSync(path, text);
  const { format = null, series = "labels", isLenient = false } = options;
  try {
    return await readLists({ lists: [{ path, series, format }], inline: [], inlinePath: "", isLenient });
  } catch (error) {
    assert(error instanceof Error);
    assert.doesNotMatch(error.message, /\n/);
    throw new Error(error.message.replace(path, "LIST"), { cause: error });
  }
}

/** Prefixes with their labels, as texts. */
function entriesOf(set: PrefixSet): string[] {
  const { labelNames, count, versions, words, bits, sets } = set;
  return Array.from({ length: count }, (_, index) => {
    const address = [...words.subarray(4 * index, 4 * index + 4)].map((word) => word.toString(16)).join(":");
    const values = new Map(parseLabels(textAt(set.labels, sets[index]!)));
    const labels = labelNames.map((name) => `${name}=${values.get(name) ?? ""}`).join(",");
    return `${versions[index]} ${address}/${bits[index]} ${labels}`;
  });
}

/** The value of its one label, of each prefix. */
function valuesOf(set: PrefixSet): string[] {
  return [...set.sets].map((at) => parseLabels(textAt(set.labels, at))[0]?.[1] ?? "");
}

const EXPECTED = ["4 0:0:0:c0000200/24 customer=a b,environment=prod", "6 20010db8:0:0:0/32 customer=é,environment="];

const FORMS: Record<string, string> = {
  CSV: "prefix,customer,environment\n192.0.2.0/24,a b,prod\n2001:db8::/32,é,\n",
  "CSV with a mark, CRLF, quotes, blanks, comments and empty lines":
    '\ufeff# made by hand\r\n\r\n prefix , "customer",environment\r\n192.0.2.0/24, "a b" ,prod\r\n,,\r\n"",,\r\n,,,,\r\n# 10.0.0.0/8\r\n2001:db8::/32,é,""',
  "CSV with its columns in another order": "customer,environment,prefix\na b,prod,192.0.2.0/24\né,,2001:db8::/32",
  JSON: '[{"prefix": "192.0.2.0/24", "customer": "a b", "environment": "prod"},\n{"prefix":"2001:db8::/32","customer":"\\u00e9"}]',
  "JSON lines":
    '{"prefix": "192.0.2.0/24", "customer": "a b", "environment": "prod"}\n\n{"customer":"é","prefix":"2001:db8::/32","environment":null}\n',
};

for (const [name, text] of Object.entries(FORMS)) {
  test(`${name} is read`, async () => {
    const { sets, skipped } = await read(text);
    assert.deepEqual(entriesOf(sets[0]!.set), EXPECTED);
    assert.equal(skipped, 0);
  });
}

test("texporter's ranges are read", async () => {
  const text = `[
  {
    "name": "local",
    "ipv4": [
      "192.168.0.0/16",
      "10.0.0.0/8"
    ],
    "ipv6": ["::1/128"]
  },
  {"name": "zoom", "ipv4": ["3.7.35.0/25"]}
]`;
  assert.deepEqual(entriesOf((await read(text)).sets[0]!.set), [
    "4 0:0:0:c0a80000/16 name=local",
    "4 0:0:0:a000000/8 name=local",
    "6 0:0:0:1/128 name=local",
    "4 0:0:0:3072300/25 name=zoom",
  ]);
  await assert.rejects(read(text.replace("10.0.0.0/8", "10.0.0.1/8")), {
    message: /^LIST:6: "10\.0\.0\.1\/8" has bits/,
  });
});

test("pmacct's networks_file is read", async () => {
  const text =
    "! made by hand\n192.168.95.0/24\n65500,192.168.1.0/24\n64512_65501,192.168.2.0/25\n10.0.0.1,65500,192.168.3.0/24\nCustID#1,,,192.168.4.0/24\n";
  assert.deepEqual(entriesOf((await read(text)).sets[0]!.set), [
    "4 0:0:0:c0a85f00/24 asn=,label=,next_hop=,peer_asn=",
    "4 0:0:0:c0a80100/24 asn=65500,label=,next_hop=,peer_asn=",
    "4 0:0:0:c0a80200/25 asn=65501,label=,next_hop=,peer_asn=64512",
    "4 0:0:0:c0a80300/24 asn=65500,label=,next_hop=10.0.0.1,peer_asn=",
    "4 0:0:0:c0a80400/24 asn=,label=CustID#1,next_hop=,peer_asn=",
  ]);
});

test("prefixes with the same labels share a set of them", async () => {
  const { sets } = await read("prefix,customer\n10.0.0.0/8,a\n11.0.0.0/8,b\n12.0.0.0/8,a\n::1,\n::2,");
  assert.deepEqual([...sets[0]!.set.sets], [0, 1, 0, 2, 2]);
  assert.deepEqual(labelsIn(sets[0]!.set), ['customer="a"', 'customer="b"', ""]);
});

test("the order of labels is that of their names, whichever a list has first", async () => {
  const texts = [
    "prefix,customer,building\n10.0.0.0/8,a,b\n::1,,b\n",
    'building,prefix,customer\nb,10.0.0.0/8,"a"\nb,::1,\n',
    '{"prefix": "10.0.0.0/8", "customer": "a", "building": "b"}\n{"prefix": "::1", "building": "b"}\n',
  ];
  for (const text of texts) {
    const { set } = (await read(text)).sets[0]!;
    assert.deepEqual(labelsIn(set), ['building="b",customer="a"', 'building="b"']);
    assert.deepEqual(set.labelNames, ["building", "customer"]);
  }
});

const REFUSED: [string, string | Uint8Array, string][] = [
  ["an empty file", "", "LIST: it is empty; begin with a header such as prefix,customer"],
  ["comments alone", "# x\n", "LIST:1: it holds no header; begin with one such as prefix,customer"],
  ["a header without prefixes", "network,customer\n", "LIST:1: the header has no column prefix, as in prefix,customer"],
  ["semicolons", "prefix;a\r\n::1;x\r\n", 'LIST:1: ";" separates the fields; legal is a comma'],
  ["semicolons and quotes", '"prefix";"a"\n"::1";"x"\n', 'LIST:1: ";" separates the fields; legal is a comma'],
  ["tabs", "prefix\ta\n::1\tx\n", 'LIST:1: "\\t" separates the fields; legal is a comma'],
  ["UTF-16", Buffer.from("\ufeffprefix,a\n::1,x\n", "utf16le"), "LIST:1: it is no UTF-8; save the list as UTF-8"],
  ["a header with a column twice", "prefix,a,a\n", 'LIST:1: the header has the column "a" twice'],
  ["a reserved label", "prefix,ip\n", 'LIST:1: the label name "ip" is reserved; legal is any name but '],
  ["the direction as a label", "prefix,direction\n", 'LIST:1: the label name "direction" is reserved; '],
  ["no name of a label", "prefix,é\n", 'LIST:1: the label name "é" is invalid; '],
  ["a bad prefix", "prefix,a\n10.0.0.0/8,x\n\n# c\n10.0.0.300,y\n", 'LIST:5: "10.0.0.300" is no prefix; '],
  ["a field too many", "prefix,a\n10.0.0.0/8,x,y\n", "LIST:2: it has 3 fields, and the header has 2"],
  ["a field too few", "prefix,a\n10.0.0.0/8\n", "LIST:2: it has 1 fields, and the header has 2"],
  ["an open quote", 'prefix,a\n::1,x\n::2,"x\n::3,y\n', "LIST:3: a quote is opened and never closed"],
  ["quotes within a field", 'prefix,a\n::1,"x"y"z"\n', "LIST:2: its quotes are wrong: "],
  ["a line after a record of several", 'prefix,a\n::1,"x\ny"\n::g,z\n', 'LIST:4: "::g" is no prefix; '],
  ["Latin-1", Uint8Array.from(Buffer.from("prefix,a\n::1,\u00e9\n", "latin1")), "LIST:2: a label is no UTF-8; "],
  ["a zero byte", "prefix,a\n::1,\0\n", "LIST:2: a label holds a zero byte; leave it out"],
  [
    "JSON that was cut off",
    '[{"prefix": "::1"},\n{"prefix": "::2"',
    "LIST:2: the array does not end; it may have been cut off",
  ],
  ["JSON without commas", '[{"prefix": "::1"}\n{"prefix": "::2"}]', 'LIST:2: there is an unexpected "{"'],
  ["JSON with something behind", '[{"prefix": "::1"}]\n\n[]', 'LIST:3: there is an unexpected "["'],
  ["JSON with a comma at the end", '[{"prefix": "::1"},\n]', 'LIST:2: there is an unexpected "]"'],
  ["an element that is no object", '[\n"::1"]', "LIST:2: it is no object; legal is an object such as "],
  ["an element that is no JSON", "[\n\n{x}]", "LIST:3: it is no JSON; legal is an object such as "],
  ["an object without a prefix", '{"prefix": "::1"}\n{"prefx": "::1"}', 'LIST:2: it has no text in "prefix"; '],
  ["a label that is a list", '{"prefix": "::1", "a": [1]}', 'LIST:1: the label "a" is no text; '],
  ["a label that JSON can't hold", '{"prefix": "::1", "a": 9007199254740993}', 'LIST:1: the label "a" is no text; '],
  ["half of a character", '{"prefix": "::1", "a": "\\ud83d"}', "LIST:1: a label holds half of a surrogate pair; "],
  ["networks without a name", '[{"ipv4": ["10.0.0.0/8"]}]', 'LIST:1: it has networks but no text in "name"; '],
  [
    "pmacct's with a field too many",
    "a,b,c,d,10.0.0.0/8",
    "LIST:1: it has 5 fields; legal is LABEL,NEXTHOP,AS,NETWORK/LENGTH",
  ],
];

describe("a list is refused as a whole", () => {
  for (const [name, text, message] of REFUSED) {
    test(`for ${name}`, async () => {
      await assert.rejects(read(text), (error: Error) => {
        assert.equal(error.message.slice(0, message.length), message);
        return true;
      });
    });
  }

  test("if it is no regular file", async () => {
    const lists = [{ path: folder.path, series: "labels" as const, format: null }];
    const told = { message: `${folder.path}: it is not a regular file` };
    await assert.rejects(readLists({ lists, inline: [], inlinePath: "", isLenient: true }), told);
  });
});

test("a header that is wrong is refused even if lines that are wrong are skipped", async () => {
  await assert.rejects(read('prefix,"a"b\nprefix,c\n::1,x\n', { isLenient: true }), {
    message: /^LIST:1: its quotes are wrong: /,
  });
});

test("lines that are wrong are skipped and counted if that is asked for", async () => {
  const text = 'prefix,a\n10.0.0.0/8,x\nx,y\n::1,"a"b"c"\n::2\n::3,z\n';
  const { sets, skipped, firstSkipped } = await read(text, { isLenient: true });
  assert.deepEqual(entriesOf(sets[0]!.set), ["4 0:0:0:a000000/8 a=x", "6 0:0:0:3/128 a=z"]);
  assert.equal(skipped, 3);
  assert.match(firstSkipped!, /list[0-9]+:3: "x" is no prefix; /);
});

const anyRecords = fc.array(
  fc.tuple(
    fc.ipV4(),
    fc.stringMatching(/^[a-z"',# \n\\é]{0,6}$/).filter((text) => text.trim() === text),
  ),
  { maxLength: 20 },
);

const hasPython = spawnSync("python3", ["-c", "import csv, json"]).status === 0;

test("what Python's csv writes is read as it was", { skip: hasPython ? false : "needs python3" }, async () => {
  const program = `import csv, io, json, sys
for records in json.load(sys.stdin):
    out = io.StringIO()
    csv.writer(out).writerows([["prefix", "a"]] + records)
    print(json.dumps(out.getvalue()))`;
  const lists = fc.sample(anyRecords, 200);
  const texts = execFileSync("python3", ["-c", program], { input: JSON.stringify(lists), encoding: "utf8" });
  for (const [index, line] of texts.trim().split("\n").entries()) {
    const { sets } = await read(JSON.parse(line) as string);
    const values = sets.flatMap(({ set }) => valuesOf(set));
    assert.deepEqual(
      values,
      lists[index]!.map(([, value]) => value),
    );
  }
});

test("a list is the same however it comes in pieces", async () => {
  // Larger than a piece, with characters of several bytes at every place.
  const count = 40_000;
  const value = (index: number): string => `${"é€😀".repeat(1 + (index % 3))}${"x".repeat(index % 7)}`;
  const prefix = (index: number): string => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  const rows = Array.from({ length: count }, (_, index) => [prefix(index), value(index)] as const);
  const expected = rows.map(([, text]) => text);
  for (const text of [
    `prefix,a\n${rows.map(([address, label]) => `${address},${label}`).join("\n")}`,
    JSON.stringify(
      rows.map(([address, label]) => ({ prefix: address, a: label })),
      null,
      1,
    ),
    rows.map(([address, label]) => JSON.stringify({ prefix: address, a: label })).join("\n"),
  ]) {
    const { set } = (await read(text)).sets[0]!;
    assert.deepEqual(valuesOf(set), expected);
  }
});
