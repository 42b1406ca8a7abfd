import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { scanFlags } from "../../../src/cli/scan.ts";
import { type Config, configOf } from "../../../src/daemon/config.ts";
import { RECORD_KEYS } from "../../../src/collectors/produce/section.ts";
import { PromtapError } from "../../../src/errors.ts";

const judge = (...args: string[]): Config => configOf(scanFlags(["--flow-brokers=kafka", ...args]));

describe("--flow-produce", () => {
  test("writes every minute, for no AS", () => {
    const { brokers, ...produced } = judge("--flow-produce=t").features.produce!;
    assert.deepEqual(produced, { topic: "t", intervalMs: 60_000, ownAs: 0, isReceiving: false });
    assert.deepEqual(brokers.bootstrap, [{ host: "kafka", port: 9092 }]);
  });

  test("writes what is received, but not what is read from Kafka besides", () => {
    assert.equal(judge("--flow-produce=t", "--flow-listen=:2055").features.produce?.isReceiving, true);
    assert.throws(() => judge("--flow-produce=t", "--flow-listen=:2055", "--flow-topic=u"), /excludes --flow-topic/);
  });

  test("takes labels of ranges that are no keys of its records", () => {
    assert.equal(judge("--flow-produce=t", "-r10.0.0.1:customer=acme:bytes_=1").ranges.length, 1);
  });

  for (const key of RECORD_KEYS) {
    test(`refuses the label ${key}, which is legal without it`, () => {
      const ranges = ["-r10.0.0.2:a=b", `-r10.0.0.1:a=b:${key}=x`];
      const why = `with --flow-produce the label "${key}" would pass for a key of flow records`;
      const message = `invalid -r "10.0.0.1:a=b:${key}=x": ${why}; legal is any name but ${RECORD_KEYS.join(", ")}`;
      assert.throws(() => judge("--flow-produce=t", ...ranges), new PromtapError("USAGE", message));
      assert.equal(judge("--flow-topic=t", "-ieth0", ...ranges).ranges.length, 2);
    });
  }
});
