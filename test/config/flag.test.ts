import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  choice,
  choices,
  list,
  nonEmpty,
  oneOf,
  refuseConflicts,
  single,
  toggle,
  wholeNumber,
} from "../../src/config/flag.ts";
import { PromtapError } from "../../src/errors.ts";

const usage = (message: string): PromtapError => new PromtapError("USAGE", message);

const port = single({ name: "port", short: "p", value: "PORT", default: "9112", help: "", parse: wholeNumber(65_535) });
const path = single({ name: "read", value: "FILE", help: "", parse: nonEmpty("a file") });
const hosts = list({ name: "hosts", value: "HOST,...", separator: ",", help: "", parse: nonEmpty("a host") });
const level = choice({ name: "log.level", choices: ["info", "warn"], default: "info", help: "" });
const by = choices({ name: "by", choices: ["country", "asn"], help: "" });

describe("a flag", () => {
  test("without a value says whether it was given", () => {
    const flag = toggle({ name: "once", help: "" });
    assert.deepEqual([flag.read(undefined), flag.read([""])], [false, true]);
  });

  test("with a value has its default if it was not given, else the last text", () => {
    assert.deepEqual([port.read(undefined), port.read(["1"]), port.read(["1", "2"])], [9112, 1, 2]);
    assert.deepEqual([path.read(undefined), path.read(["a b"])], [null, "a b"]);
    assert.deepEqual([level.read(undefined), level.read(["warn"])], ["info", "warn"]);
  });

  test("with a list has all its texts, and the parts of each", () => {
    assert.deepEqual([hosts.read(undefined), hosts.read(["a,b", "c"])], [[], ["a", "b", "c"]]);
    assert.deepEqual([by.read(undefined), by.read(["asn, country", "asn"])], [[], ["asn", "country"]]);
  });

  test("refuses a value by the name that people give it, and says what is legal", () => {
    for (const text of ["", "x", "65536", "-1", "1e3", "0x1", " 1", "9".repeat(20)]) {
      const message = `invalid -p ${JSON.stringify(text)}; legal is a number from 0 to 65535`;
      assert.throws(() => port.read([text]), usage(message));
    }
    assert.throws(() => path.read([" "]), usage('invalid --read " "; legal is a file'));
    assert.throws(() => hosts.read(["a,"]), usage('invalid --hosts ""; legal is a host'));
    assert.throws(() => level.read(["warm"]), usage('invalid --log.level "warm"; legal is info, warn'));
    assert.throws(() => by.read(["asn,city"]), usage('invalid --by "city"; legal is country, asn'));
    assert.throws(() => oneOf(["a"])("a\nb", "-x"), usage('invalid -x "a\\nb"; legal is a'));
    assert.throws(
      () => wholeNumber(5, 2, "days")("1", "-x"),
      usage('invalid -x "1"; legal is a number of days from 2 to 5'),
    );
  });
});

describe("flags", () => {
  const engine = choice({ name: "engine", choices: ["auto", "pcap"], default: "auto", help: "" });
  const filter = single({
    name: "filter",
    value: "E",
    help: "",
    needs: ["engine=pcap"],
    why: "no other has one",
    parse: String,
  });
  const max = toggle({ name: "max", help: "", needs: ["by=asn", "once"] });
  const read = toggle({ name: "read", help: "", excludes: { engine: "a file is read" } });
  const all = [engine, filter, max, read, by];
  const judge = (given: Record<string, string[]>) => refuseConflicts(all, new Map(Object.entries(given)));

  test("may be given with what they need, as a flag or as one of its values", () => {
    judge({});
    judge({ filter: ["x"], engine: ["pcap"] });
    judge({ filter: ["x"], engine: ["auto", "pcap"] });
    judge({ max: [""], by: ["country,asn"] });
    judge({ max: [""], once: [""] });
  });

  test("are refused without what they need", () => {
    assert.throws(() => judge({ filter: ["x"] }), usage("--filter needs --engine=pcap: no other has one"));
    assert.throws(
      () => judge({ filter: ["x"], engine: ["auto"] }),
      usage("--filter needs --engine=pcap: no other has one"),
    );
    assert.throws(() => judge({ max: [""], by: ["country"] }), usage("--max needs --by=asn or --once"));
  });

  test("are refused with what they exclude", () => {
    assert.throws(
      () => judge({ read: [""], engine: ["auto"] }),
      usage("--read and --engine exclude each other; a file is read"),
    );
  });
});
