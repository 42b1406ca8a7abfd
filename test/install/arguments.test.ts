import assert from "node:assert/strict";
import { test } from "node:test";
import { argumentsText } from "../../src/install/arguments.ts";

test("flags stand in quotes twice if they need it: for the file, and for the words", () => {
  const argsOf = (...words: string[]): string | undefined => /^ARGS="([^]*)"\n$/m.exec(argumentsText(words))?.[1];
  assert.equal(argsOf(), "");
  assert.equal(argsOf("-i", "eth0", "--range=10.0.0.0/8/24:a=b"), "-i eth0 --range=10.0.0.0/8/24:a=b");
  assert.equal(argsOf("--pcap.filter=tcp port 80"), String.raw`\"--pcap.filter=tcp port 80\"`);
  assert.equal(argsOf(""), String.raw`\"\"`);
  assert.equal(argsOf(String.raw`a"b\c$d`), String.raw`\"a\\\"b\\\\c\$d\"`);
  assert.throws(() => argsOf("a\nb"), { message: /^couldn't give "a\\nb" to a unit: it is not one line$/ });
});
