import assert from "node:assert/strict";
import { test } from "node:test";
import { ruleText } from "../../../../src/collectors/iptables/nft/rule-text.ts";

const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const match = (left: unknown, right: unknown, op = "==") => ({ match: { op, left, right } });
const mark = { meta: { key: "mark" } };

/** Statements as nft 1.0.6 gives them, and what `nft --stateless list ruleset` prints of them but where told. */
const TEXTS: [statements: unknown[], text: string][] = [
  [
    [match(payload("tcp", "dport"), 22), { counter: { packets: 1, bytes: 2 } }, { accept: null }],
    "tcp dport 22 counter accept",
  ],
  [[match(payload("ip", "saddr"), { prefix: { addr: "10.0.0.0", len: 8 } })], "ip saddr 10.0.0.0/8"],
  [[match(payload("tcp", "dport"), { set: [22, { range: [80, 90] }] })], "tcp dport { 22, 80-90 }"],
  [[match(payload("tcp", "dport"), 1024, ">")], "tcp dport > 1024"],
  [[match({ meta: { key: "iifname" } }, "eth0")], 'iifname "eth0"'],
  [[match({ meta: { key: "iifname" } }, { set: ["eth0", "eth1"] }, "!=")], 'iifname != { "eth0", "eth1" }'],
  [[match({ meta: { key: "skuid" } }, 1000)], "meta skuid 1000"],
  [[match({ "&": [mark, 255] }, 1)], "meta mark & 0x000000ff == 0x00000001"],
  [[{ mangle: { key: mark, value: 2 } }], "meta mark set 0x00000002"],
  [[match({ ct: { key: "state" } }, ["established", "related"], "in")], "ct state established,related"],
  [[match({ ct: { key: "state" } }, "new", "==")], "ct state == new"],
  [[match(payload("ip", "saddr"), "@s1", "!=")], "ip saddr != @s1"],
  [
    [match({ concat: [payload("ip", "saddr"), payload("tcp", "dport")] }, { set: [{ concat: ["1.2.3.4", 80] }] })],
    "ip saddr . tcp dport { 1.2.3.4 . 80 }",
  ],
  [
    [
      {
        vmap: {
          key: payload("tcp", "dport"),
          data: {
            set: [
              [22, { accept: null }],
              [23, { jump: { target: "x" } }],
            ],
          },
        },
      },
    ],
    "tcp dport vmap { 22 : accept, 23 : jump x }",
  ],
  [[{ limit: { rate: 5, burst: 5, per: "second" } }], "limit rate 5/second"],
  [[{ limit: { rate: 10, burst: 20, per: "minute", inv: true } }], "limit rate over 10/minute burst 20 packets"],
  [[{ limit: { rate: 10, rate_unit: "mbytes", per: "second" } }], "limit rate 10 mbytes/second"],
  [[{ quota: { val: 5, val_unit: "mbytes", inv: true, used: 3, used_unit: "kbytes" } }], "quota over 5 mbytes"],
  [[{ log: { prefix: "a b: ", level: "warn" } }], 'log prefix "a b: " level warn'],
  [[{ log: null }, { notrack: null }], "log notrack"],
  [[{ dnat: { family: "ip", addr: "10.0.0.1", port: 80 } }], "dnat ip to 10.0.0.1:80"],
  [[{ masquerade: { flags: "random" } }], "masquerade random"],
  [[{ redirect: { port: 8081 } }], "redirect to :8081"],
  [[{ reject: { type: "tcp reset" } }], "reject with tcp reset"],
  [[{ counter: "c1" }, { quota: "q1" }, { limit: "l1" }], 'counter name "c1" quota name "q1" limit name "l1"'],
  [[{ set: { op: "add", elem: payload("ip", "saddr"), set: "@s" } }], "add @s { ip saddr }"],
  [
    [
      {
        set: {
          op: "update",
          elem: { elem: { val: payload("ip", "saddr"), timeout: 60 } },
          set: "@s",
          stmt: [{ limit: { rate: 5, burst: 5, per: "second" } }, { counter: null }],
        },
      },
    ],
    "update @s { ip saddr timeout 60s limit rate 5/second counter }",
  ],
  [[{ "ct count": { val: 20, inv: true } }], "ct count over 20"],
  [[{ xt: { type: "match", name: "comment" } }], '{"xt":{"type":"match","name":"comment"}}'],
  [[{ accept: "x" }, {}, 1, null], '{"accept":"x"} {} 1 null'],
];

for (const [statements, text] of TEXTS) {
  test(`${JSON.stringify(statements)} is ${text}`, () => assert.equal(ruleText(statements, ""), text));
}

test("the comment stands at the end, as it is", () => {
  assert.equal(ruleText([{ drop: null }], 'a "b" }'), 'drop comment "a "b" }"');
});

test("the text does not change with what is counted, used or left of time", () => {
  const element = (value: unknown, packets: number) => ({
    elem: { val: value, timeout: 60, expires: packets, comment: "c", counter: { packets, bytes: packets } },
  });
  const statements = (packets: number) => [
    match(payload("ip", "saddr"), { set: [element("192.0.2.1", packets), element("192.0.2.2", 0)] }),
    { vmap: { key: payload("tcp", "dport"), data: { set: [[element(22, packets), { accept: null }]] } } },
    { quota: { val: 5, val_unit: "bytes", used: packets, used_unit: "bytes" } },
    { last: { used: packets } },
    { future: { stmt: [{ counter: { packets, bytes: packets } }, { quota: { val: 1, used: packets } }] } },
  ];
  assert.equal(ruleText(statements(7), ""), ruleText(statements(8), ""));
  assert.match(ruleText(statements(7), ""), /^ip saddr \{ 192\.0\.2\.1 timeout 60s comment "c" counter, /);
});
