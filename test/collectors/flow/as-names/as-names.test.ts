import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { readNames } from "../../../../scripts/as-names.ts";
import { AsNames } from "../../../../src/collectors/flow/as-names/as-names.ts";
import { AsTable } from "../../../../src/collectors/flow/as-names/as-table.ts";
import { PromtapError } from "../../../../src/errors.ts";
import { mmdb } from "../../../support/mmdb-writer.ts";
import { TemporaryFolder } from "../../../support/temporary-folder.ts";
import { until } from "../../../support/waiting.ts";

const table = (text: string): Promise<AsTable> => AsTable.parse("names", Buffer.from(text));

describe("a table of names", () => {
  test("reads a line for each AS, in any order and in the forms that are about", async () => {
    const names = await table("15169 GOOGLE, US\n 1     LVLT-1 - Level 3, US\r\nAS64500,Example\n# a comment\n\n7\n");
    assert.equal(names.count, 3);
    assert.equal(names.nameOf(15_169), "GOOGLE");
    assert.equal(names.nameOf(1), "LVLT-1 - Level 3");
    assert.equal(names.nameOf(64_500), "Example");
  });

  test("cuts off the country of asn.txt as flow-exporter does, and nothing else", async () => {
    const lines = ["1 LVLT-1 - Level 3 Parent, LLC, US", "2 A, Inc", "3 Inc., us", "4 B,US", "5 C, USA", "6 D, US\r"];
    const names = await table(lines.join("\n"));
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6].map((as) => names.nameOf(as)),
      ["LVLT-1 - Level 3 Parent, LLC", "A, Inc", "Inc., us", "B,US", "C, USA", "D"],
    );
  });

  test("knows no name of AS 0, and of numbers that are not listed or no AS", async () => {
    const names = await table("0 NOBODY\n4294967295 LAST\n4294967296 BEYOND\n");
    assert.deepEqual(
      [0, 1, 4_294_967_295].map((as) => names.nameOf(as)),
      ["", "", "LAST"],
    );
    assert.equal(names.count, 1);
  });

  test("takes the last of several names, and cuts long ones between characters", async () => {
    const names = await table(`1 first\n2 ${"é".repeat(80)}\n1 last\n3 ${"x".repeat(99)}é\n`);
    assert.equal(names.nameOf(1), "last");
    assert.equal(names.nameOf(2), "é".repeat(50));
    assert.equal(names.nameOf(3), "x".repeat(99));
  });

  test("makes valid UTF-8 of what is none, and leaves out control characters", async () => {
    const names = await AsTable.parse("names", Buffer.from("1 a\xffb\n2 a\x07b\n", "latin1"));
    assert.equal(names.nameOf(1), "a\u{fffd}b");
    assert.equal(names.nameOf(2), "a\u{fffd}b");
  });

  test("reads an mmdb file, of either version of the addresses", async () => {
    const system = (number: number, name: string) => ({
      autonomous_system_number: number,
      autonomous_system_organization: name,
    });
    const networks = {
      "192.0.2.0/24": system(3, "MIT"),
      "198.51.100.0/24": system(3, "MIT"),
      "2001:db8::/32": system(4, "ISI"),
    };
    const names = await AsTable.parse("asn.mmdb", Buffer.from(mmdb(networks)));
    assert.deepEqual([names.count, names.nameOf(3), names.nameOf(4)], [2, "MIT", "ISI"]);
  });

  test("refuses a file that names nobody", async () => {
    await assert.rejects(table(""), /names no AS/);
    await assert.rejects(table("hello\n"), /names no AS/);
  });

  test("finds what a map would", async () => {
    const names = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.stringMatching(/^[a-z]{1,5}$/)), {
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(names, async (pairs) => {
        const found = await table(pairs.map(([as, name]) => `${as} ${name}\n`).join(""));
        const expected = new Map(pairs);
        assert.equal(found.count, expected.size);
        for (let as = 0; as <= 41; as++) assert.equal(found.nameOf(as), expected.get(as) ?? "");
      }),
    );
  });
});

describe("names of ASes", () => {
  test("come from the binary, if it carries some", async () => {
    assert.equal((await AsNames.carried(undefined)).count, 0);
    assert.equal((await AsNames.carried(zstdCompressSync("3 MIT\n"))).nameOf(3), "MIT");
    assert.equal((await AsNames.carried(zstdCompressSync("21420 Swedbank, AB\n"))).nameOf(21_420), "Swedbank, AB");
  });

  test("are read again when their file changes, and kept while it is broken", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "asn.txt");
    const replace = (text: string): void => {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    };
    replace("3 MIT\n");
    const told: (string | undefined)[] = [];
    const names = await AsNames.open(path, (error) => told.push(error));
    const isTold = (count: number): boolean => {
      names.refresh();
      return told.length === count;
    };
    replace("3 Massachusetts\n4 ISI\n");
    await until("it is read", () => isTold(1));
    assert.equal(names.nameOf(3), "Massachusetts");
    assert.equal(names.edition, 1);
    replace("");
    await until("it is refused", () => isTold(2));
    assert.deepEqual([names.isCurrent, names.count, names.edition], [false, 2, 1]);
    replace("3 MIT\n");
    await until("it is read again", () => isTold(3));
    assert.deepEqual([names.isCurrent, names.nameOf(3), names.edition], [true, "MIT", 2]);
    assert.deepEqual(
      told.map((error) => error === undefined),
      [true, false, true],
    );
  });

  test("must be there at the start, in a file", async () => {
    using folder = new TemporaryFolder();
    const open = (path: string) => AsNames.open(path, () => {});
    await assert.rejects(open(join(folder.path, "none")), PromtapError);
    await assert.rejects(open(folder.path), /not a regular file/);
  });
});

test("the build takes a name for each AS from a list of networks", () => {
  const names = new Map<number, string>();
  readNames('1,2,13335,"Cloudflare, Inc."\n3,4,5,Plain\n5,6,7,"a ""quoted""  name"\n7,8,9,\n', names);
  assert.deepEqual(
    [...names],
    [
      [13_335, "Cloudflare, Inc."],
      [5, "Plain"],
      [7, 'a "quoted" name'],
    ],
  );
});
