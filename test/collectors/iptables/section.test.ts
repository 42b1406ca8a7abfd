import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "../../../src/daemon/config.ts";
import type { IptablesConfig } from "../../../src/collectors/iptables/section.ts";
import { PromtapError } from "../../../src/errors.ts";

type Given = Record<string, string[]>;

const DEFAULT: IptablesConfig = { isCompat: false, withComments: false, folders: [], maxSeries: 100_000 };

const LEGAL: [Given, IptablesConfig | null][] = [
  [{}, null],
  [{ iptables: [""] }, DEFAULT],
  [
    { iptables: [""], "iptables-compat": [""] },
    { ...DEFAULT, isCompat: true },
  ],
  [
    { iptables: [""], "iptables-comments": [""] },
    { ...DEFAULT, withComments: true },
  ],
  [
    { iptables: [""], "iptables-folder": ["/a b", "/c"] },
    { ...DEFAULT, folders: ["/a b", "/c"] },
  ],
  [
    { iptables: [""], "iptables-max-rules": ["0"] },
    { ...DEFAULT, maxSeries: 0 },
  ],
  [
    { iptables: [""], "iptables-max-rules": ["1000000"] },
    { ...DEFAULT, maxSeries: 1_000_000 },
  ],
];

for (const [given, expected] of LEGAL) {
  test(`${JSON.stringify(given)} is legal`, () => {
    assert.deepEqual(
      configOf(new Map(Object.entries(given))).features.iptables,
      expected && { isOn: true, ...expected },
    );
  });
}

const ILLEGAL: [Given, string][] = [
  [{ "iptables-compat": [""] }, "--iptables-compat needs --iptables"],
  [{ "iptables-comments": [""] }, "--iptables-comments needs --iptables"],
  [{ "iptables-folder": ["/a"] }, "--iptables-folder needs --iptables"],
  [{ "iptables-max-rules": ["1"] }, "--iptables-max-rules needs --iptables"],
  [
    { iptables: [""], "iptables-compat": [""], "iptables-comments": [""] },
    "--iptables-comments and --iptables-compat exclude each other; iptables_exporter has no label for comments",
  ],
  [
    { iptables: [""], "iptables-folder": ["sbin"] },
    'invalid --iptables-folder "sbin"; legal is an absolute path such as /usr/sbin',
  ],
  [
    { iptables: [""], "iptables-max-rules": ["1000001"] },
    'invalid --iptables-max-rules "1000001"; legal is a number from 0 to 1000000',
  ],
];

for (const [given, message] of ILLEGAL) {
  test(`${JSON.stringify(given)} is refused`, () => {
    const refused = { name: PromtapError.name, message };
    assert.throws(() => configOf(new Map(Object.entries(given))), refused);
  });
}

test("with --iptables, traffic is captured only if -i asks for it", () => {
  const isCounted = (given: Given) => configOf(new Map(Object.entries(given))).isCounted;
  assert.equal(isCounted({ iptables: [""] }), false);
  assert.equal(isCounted({ iptables: [""], interface: ["eth0"] }), true);
});
