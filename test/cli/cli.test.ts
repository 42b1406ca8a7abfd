import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import fc from "fast-check";
import { ALL_FLAGS } from "../../src/daemon/config.ts";
import { scanFlags } from "../../src/cli/scan.ts";
import { configOf } from "../../src/daemon/config.ts";
import { PromtapError } from "../../src/errors.ts";
import { type Child, CLI, end, ERRORS, MAIN, promtap, start, startWith } from "./program.ts";

const SCANNED: [string[], Record<string, string[]>][] = [
  [[], {}],
  [["-i", "eth0", "-i", "eth1"], { interface: ["eth0", "eth1"] }],
  [["-ieth0", "--interface=eth1", "--interface", "eth2"], { interface: ["eth0", "eth1", "eth2"] }],
  [["-p9112"], { port: ["9112"] }],
  [["-p", "1", "--port=2"], { port: ["1", "2"] }],
  [["-r10.0.0.1:a=b", "--range", "::1"], { range: ["10.0.0.1:a=b", "::1"] }],
  [["--range=10.0.0.1:a=b=c"], { range: ["10.0.0.1:a=b=c"] }],
  [["--pcap.filter=-x", "-i-x", "--interface=-y"], { "pcap.filter": ["-x"], interface: ["-x", "-y"] }],
  [["--read", "-", "--once"], { read: ["-"], once: [""] }],
  [["--engine=", "-i", ""], { engine: [""], interface: [""] }],
  [["--once", "--once", "-h"], { once: [""], help: [""] }],
  [["--web.listen-address=:1", "--web.listen-address=:2"], { "web.listen-address": [":1", ":2"] }],
  [["--check", "--"], { check: [""] }],
  [["-i=eth0", "-i==eth0", "--i=eth1", "--i", "eth2"], { interface: ["eth0", "=eth0", "eth1", "eth2"] }],
  [["-p=1", "-r=10.0.0.1:a=b", "-r::1:a=b"], { port: ["1"], range: ["10.0.0.1:a=b", "::1:a=b"] }],
];

for (const [argv, given] of SCANNED) {
  test(`${JSON.stringify(argv)} is read as getopt reads it`, () => {
    assert.deepEqual(Object.fromEntries(scanFlags(argv)), given);
  });
}

/** Flags of the replaced exporters, and what Go's package flag makes of one dash. */
const FORMER: [string[], Record<string, string[]>][] = [
  [["-brokers=a:1,b", "-topic", "t"], { "flow-brokers": ["a:1,b"], "flow-topic": ["t"] }],
  [["-partitions=all", "-asn", "1"], { "flow-partitions": ["all"], "flow-asn": ["1"] }],
  [["-addr=:9590"], { "web.listen-address": [":9590"] }],
  [["-filter", "tcp port 1", "-i", "eth0"], { "wialon-filter": ["tcp port 1"], interface: ["eth0"] }],
  [["--filter=tcp"], { "wialon-filter": ["tcp"] }],
  [["-metrics-listen-address", "0.0.0.0:9332"], { "web.listen-address": ["0.0.0.0:9332"] }],
  [["--metrics-listen-address=:1"], { "web.listen-address": [":1"] }],
  [["--interval=10", "--blacklist=8.8.8.8"], { interval: ["10"], "geoip-exclude": ["8.8.8.8"] }],
  [["-interval=10", "-debug"], { interval: ["10"], debug: [""] }],
  [["-interval", "10"], { interval: ["10"] }],
  [["-debug=true", "-once=false", "--geoip=true"], { debug: [""], geoip: [""] }],
  [["-once", "-once=false"], {}],
  [["--collector.geoip", "--collector.wialon", "--no-collector.wialon"], { geoip: [""] }],
  [["-iptables", "-no-collector.iptables"], {}],
  [["-web.listen-address=:1", "-web.telemetry-path=/"], { "web.listen-address": [":1"], "web.telemetry-path": ["/"] }],
  [["-interface", "eth0", "-interface=eth1"], { interface: ["eth0", "eth1"] }],
  [["-port=1", "-range", "::1", "-read", "-"], { port: ["1"], range: ["::1"], read: ["-"] }],
  [["-once", "-help"], { once: [""], help: [""] }],
  [["-i", "nterval=10", "-i", "nterface"], { interface: ["nterval=10", "nterface"] }],
  [["-interfaces", "-pcap0", "-iptable"], { interface: ["nterfaces", "ptable"], port: ["cap0"] }],
];

for (const [argv, given] of FORMER) {
  test(`${JSON.stringify(argv)} is read as a replaced exporter reads it`, () => {
    assert.deepEqual(Object.fromEntries(scanFlags(argv)), given);
  });
}

const STRAY = "no flag takes it; see promtap --help";

const REFUSED: [string[], string][] = [
  [["--foo"], "unknown flag --foo; see promtap --help"],
  [["--fo=x"], "unknown flag --fo; see promtap --help"],
  [["--interfaces", "eth0"], "unknown flag --interfaces; did you mean --interface? see promtap --help"],
  [["--listen-address=:1"], "unknown flag --listen-address; did you mean --web.listen-address? see promtap --help"],
  [
    ["--web.telemetry-pth=/"],
    "unknown flag --web.telemetry-pth; did you mean --web.telemetry-path? see promtap --help",
  ],
  [["--level", "info"], "unknown flag --level; did you mean --log.level? see promtap --help"],
  [["--no-once"], "unknown flag --no-once; see promtap --help"],
  [["--maxAddresses=1"], "unknown flag --maxAddresses; did you mean --max-addresses? see promtap --help"],
  [["--=x"], "unknown flag --; see promtap --help"],
  [["--__proto__=x"], "unknown flag --__proto__; see promtap --help"],
  [["-x"], "unknown flag -x; see promtap --help"],
  [["-onc"], "unknown flag -onc; did you mean --once? see promtap --help"],
  [["-hi", "eth0"], "unknown flag -hi; see promtap --help"],
  [["-intervall=10"], "unknown flag -intervall; did you mean --interval? see promtap --help"],
  [["-i0=x"], "unknown flag -i0; see promtap --help"],
  [["-brokerz=a"], "unknown flag -brokerz; did you mean --brokers? see promtap --help"],
  [["-topic"], "--flow-topic needs a value: TOPIC; see promtap --help"],
  [["-h=x"], "--help takes no value; see promtap --help"],
  [["-i"], "-i needs a value: NAME; see promtap --help"],
  [["--engine"], "--engine needs a value: auto|bpf|tcx|ring|pcap; see promtap --help"],
  [["-i", "-p"], "-i needs a value, and -p looks like a flag; if it is none: --interface=-p; see promtap --help"],
  [["-i", "--"], "-i needs a value, and -- looks like a flag; if it is none: --interface=--; see promtap --help"],
  [["--engine=ring", "--engine", "ring"], "--engine is given twice: it takes one value; see promtap --help"],
  [["--once=1"], "--once takes no value; see promtap --help"],
  [["--once="], "--once takes no value; see promtap --help"],
  [["eth0"], `unexpected argument "eth0": ${STRAY}`],
  [["-i", "eth0", "eth1"], `unexpected argument "eth1": ${STRAY}`],
  [["--once", "false"], `unexpected argument "false": ${STRAY}`],
  [["-"], `unexpected argument "-": ${STRAY}`],
  [[""], `unexpected argument "": ${STRAY}`],
  [["--", "--once"], `unexpected argument "--once": ${STRAY}`],
];

for (const [argv, message] of REFUSED) {
  test(`${JSON.stringify(argv)} is refused`, () => {
    assert.throws(() => scanFlags(argv), new PromtapError("USAGE", message));
  });
}

const anyWord = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom("-i", "-r", "-p", "-", "--", "--once", "--no-once", "--read", "--engine=ring", "--log.level", "eth0"),
  fc
    .tuple(fc.constantFrom("-", "--", "-i", "-p", "--range=", "--max-addresses="), fc.string({ maxLength: 6 }))
    .map(([flag, rest]) => flag + rest),
);

test("any arguments give a configuration or a usage error", () => {
  fc.assert(
    fc.property(fc.array(anyWord, { maxLength: 6 }), (argv) => {
      try {
        configOf(scanFlags(argv));
      } catch (error) {
        assert(error instanceof PromtapError && error.exitStatus === 2);
      }
    }),
    { numRuns: 3000 },
  );
});

test("any arguments end with status 0 or 2", async () => {
  const argvs = fc.sample(fc.array(anyWord, { maxLength: 6 }), 500);
  const body = `
    import { execute } from ${JSON.stringify(CLI)};
    for (const argv of JSON.parse(process.argv[1])) {
      const status = await execute(argv, { async run() {}, async check() { return []; } });
      if (status !== 0 && status !== 2) throw new Error(JSON.stringify(argv));
    }
  `;
  const { status, stderr } = await end(start(["--input-type=module", "-e", body, "--", JSON.stringify(argvs)]));
  assert.equal(status, 0, stderr);
});

for (const argv of [
  ["-i0=x"],
  ["--frobnicate\n\u001b[1m"],
  ["-p", "http"],
  ["-r", "10.0.0.9-10.0.0.1", "--once"],
  ["-r", "10.0.0.1:le=\n"],
  ["stray"],
]) {
  test(`the program ends with status 2 and one line on stderr for ${JSON.stringify(argv)}`, async () => {
    const { status, stdout, stderr } = await promtap(...argv);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^\P{Cc}+\n$/u);
  });
}

test("an illegal range is named with its flag, its value and what is legal", async () => {
  const { stderr } = await promtap("-i", "eth0", "-r", "10.0.0.9-10.0.0.1");
  assert.equal(stderr, 'invalid -r "10.0.0.9-10.0.0.1": the range is reversed; legal is START-END with START <= END\n');
});

test("the version is printed as Prometheus programs print it", async () => {
  const { status, stdout, stderr } = await promtap("--version");
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  const [first, ...facts] = stdout.split("\n");
  assert.match(first!, /^promtap, version \S+ \(revision \S+\)$/);
  assert.deepEqual(facts, [
    `  node version:     ${process.version}`,
    `  platform:         ${process.platform}/${process.arch}`,
    "",
  ]);
});

test("the help is plain text of at most 96 columns that tells flags, defaults and exit statuses", async () => {
  const { status, stdout, stderr } = await promtap("-p", "illegal", "-h");
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  for (const line of stdout.split("\n")) assert.match(line, /^(?:[ -~]{0,95}[!-~])?$/);
  const flags = [...stdout.matchAll(/^ {2}(?:-(\w), | {4})--([a-z.-]+)/gm)].map(([, short, name]) => [name, short]);
  assert.deepEqual(
    flags,
    ALL_FLAGS.map(({ name, short }) => [name, short]),
  );
  for (const flag of ALL_FLAGS) if (flag.default !== undefined) assert(stdout.includes(`(default: ${flag.default}`));
  assert.deepEqual(
    [...stdout.matchAll(/^ {2}(\d+) +\S/gm)].map((line) => Number(line[1])),
    [0, 1, 2, 70],
  );
});

test("every example of the help is legal", async () => {
  const { stdout } = await promtap("--help");
  const examples = [...stdout.matchAll(/^ {2}promtap( .*)?$/gm)].map(([, args = ""]) =>
    args.trim().replaceAll("'", ""),
  );
  assert(examples.length >= 5);
  for (const example of examples) configOf(scanFlags(example === "" ? [] : example.split(" ")));
});

test("--check prints a line for each thing that would run", async () => {
  const check = `return ["engine: " + config.engine, "two"];`;
  const { status, stdout, stderr } = await end(startWith({ check }, "--check", "--engine=ring"));
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "engine: ring\ntwo\n", stderr: "" });
});

test("an error of the host is one line on stderr and status 1", async () => {
  const body = `throw new (await import(${JSON.stringify(ERRORS)})).PromtapError("HOST", "no");`;
  for (const argv of [[], ["--check"]]) {
    const { status, stdout, stderr } = await end(startWith({ run: body, check: body }, ...argv));
    assert.deepEqual({ status, stdout, stderr }, { status: 1, stdout: "", stderr: "no\n" });
  }
});

test("a defect shows its stack and ends with status 70, wherever it is thrown", async () => {
  const immediately = `throw new RangeError("impossible slot");`;
  const later = `setImmediate(() => { ${immediately} }); setInterval(() => {}, 1000); await new Promise(() => {});`;
  for (const run of [immediately, later]) {
    const { status, stderr } = await end(startWith({ run }));
    assert.equal(status, 70);
    assert.match(stderr, /^RangeError: impossible slot\n {4}at .*\n/);
  }
});

test("with --log.format=json an end is a line of JSON, whatever caused it, illegal arguments too", async () => {
  const wanted = ["--log.format=json", "--log.format json", "-log.format=json", "--log.format=logger:stderr?json=true"];
  const defect = `throw new RangeError("impossible slot");`;
  const host = `throw new (await import(${JSON.stringify(ERRORS)})).PromtapError("HOST", "no");`;
  const ends: [child: () => Child, status: number, message: string][] = [
    ...wanted.map((words): [() => Child, number, string] => {
      return [() => start([MAIN, ...words.split(" "), "--foo"]), 2, "unknown flag --foo; see promtap --help"];
    }),
    [() => startWith({ run: host }, "--log.format=json"), 1, "no"],
    [() => startWith({ run: defect }, "--log.format=json"), 70, "impossible slot"],
    [
      () =>
        startWith(
          { run: `setImmediate(() => { ${defect} }); setInterval(() => {}, 1000); await new Promise(() => {});` },
          "--log.format=json",
        ),
      70,
      "impossible slot",
    ],
  ];
  for (const [child, expected, message] of ends) {
    const { status, stderr } = await end(child());
    assert.equal(status, expected);
    assert.match(stderr, /^[^\n]+\n$/);
    const { time, level, msg, details } = JSON.parse(stderr) as Record<string, string>;
    assert.deepEqual({ level, msg }, { level: "error", msg: message });
    assert.match(time!, /^\d{4}-/);
    assert.equal(details?.startsWith(`RangeError: ${message}\n    at `), expected === 70 ? true : undefined);
  }
});

test("what still waits for something does not keep the program when its work is done", async () => {
  const wait = "setInterval(() => {}, 1000);";
  assert.equal((await end(startWith({ run: wait }))).status, 0);
  const host = `throw new (await import(${JSON.stringify(ERRORS)})).PromtapError("HOST", "no");`;
  assert.equal((await end(startWith({ run: wait + host }))).status, 1);
});

const PRINT_4_MIB = `process.stdout.write(new Uint8Array(4 << 20).fill(65));`;
const PRINT_FOREVER = `
  const print = () => new Promise((resolve, reject) =>
    process.stdout.write("x".repeat(65536), (error) => (error ? reject(error) : resolve())));
  for (;;) await print();
`;

test("all of the page arrives at a reader that starts late", async () => {
  const child = startWith({ run: `${PRINT_4_MIB} process.stderr.write("printed\\n");` });
  await Promise.race([once(child.stderr, "readable"), once(child.stdout, "readable")]);
  const { status, stdout } = await end(child);
  assert.deepEqual({ status, length: stdout.length }, { status: 0, length: 4 << 20 });
});

test("a reader that leaves early ends the program quietly", async () => {
  const child = startWith({ run: PRINT_FOREVER });
  child.stdout.once("data", () => child.stdout.destroy());
  const closed = once(child, "close");
  const stderr = await text(child.stderr);
  const [status] = await closed;
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
});

test("a full disk under the page is an error of the host", async () => {
  const child = spawn(process.execPath, [MAIN, "--help"], { stdio: ["ignore", openSync("/dev/full", "w"), "pipe"] });
  const closed = once(child, "close");
  const stderr = await text(child.stderr!);
  const [status] = await closed;
  assert.equal(status, 1);
  assert.match(stderr, /^couldn't write to standard output: .*no space left on device.*\n$/);
});

test("a log that nobody reads any more does not end the program", async () => {
  const run = `
    const log = () => new Promise((resolve) => process.stderr.write("line\\n", resolve));
    while (!(await log())) await new Promise(setImmediate);
    await log();
    process.stdout.write("went on\\n");
  `;
  const child = startWith({ run });
  child.stderr.destroy();
  const closed = once(child, "close");
  const stdout = await text(child.stdout);
  const [status] = await closed;
  assert.deepEqual({ status, stdout }, { status: 0, stdout: "went on\n" });
});
