import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { MANUALS } from "../../src/cli/manuals.ts";
import { PERSONALITIES } from "../../src/personalities/personalities.ts";
import { MAIN } from "./program.ts";

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Starts the program under a name, as a symbolic link would. */
function startedAs(argv0: string, ...args: string[]): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { argv0, encoding: "utf8" });
  return { status, stdout, stderr };
}

const GEOIP_USAGE = `Usage of geoip-exporter:
  -blacklist string
    \tAddresses blacklist to filter out from results
  -debug
    \tDebug log level
  -interval int
    \tInterval for metrics collection in seconds (default 180)
  -web.listen-address string
    \tAddress on which to expose metrics (default ":9300")
`;
const PROMACCT_USAGE = "usage: promacct -i interface ... [-p httpport] [-r startaddr-endaddr[:key=value...] ...]\n";

describe("started under the name of another exporter, or as it,", () => {
  test("the help is that of its own flags", () => {
    for (const [name, usage] of [
      ["geoip-exporter", GEOIP_USAGE],
      ["promacct", PROMACCT_USAGE],
    ] as const) {
      const expected = { status: 0, stdout: usage, stderr: "" };
      assert.deepEqual(startedAs(`/usr/local/bin/${name}`, "--help"), expected);
      assert.deepEqual(startedAs("promtap", "as", name, "--help"), expected);
    }
    const { stdout } = startedAs("iptables_exporter", "-h");
    const flags = [...stdout.matchAll(/--[a-z.-]+/g)].map(([flag]) => flag);
    const own = ["--web.listen-address", "--web.telemetry-path", "--log.level", "--log.format"];
    assert.deepEqual(flags, ["--help", ...own, "--version"]);
  });

  const WRONG: [args: string[], status: number, stderr: string][] = [
    [["promacct", "-q"], 1, `promacct: invalid option -- 'q'\n${PROMACCT_USAGE}`],
    [["promacct"], 1, `promacct: -i is needed\n${PROMACCT_USAGE}`],
    [["iptables_exporter", "--by=x"], 1, "iptables_exporter: error: unknown long flag '--by', try --help\n"],
    [["geoip-exporter", "-by=x"], 2, `flag provided but not defined: -by\n${GEOIP_USAGE}`],
    [["geoip-exporter", "-a\n\u001b[31m"], 2, `flag provided but not defined: -a\\x0a\\x1b[31m\n${GEOIP_USAGE}`],
    [
      ["geoip-exporter", "-blacklist", "8.8.8"],
      2,
      `invalid value "8.8.8" for flag -blacklist: legal is an address, or a network such as 10.0.0.0/8\n${GEOIP_USAGE}`,
    ],
  ];
  for (const [args, status, stderr] of WRONG) {
    test(`${JSON.stringify(args.join(" "))} ends with ${status} and says why as it does`, () => {
      assert.deepEqual(startedAs("promtap", "as", ...args), { status, stdout: "", stderr });
    });
  }

  test("flow-exporter ends with 1 without a broker, and with 2 for a flag that is wrong", () => {
    assert.equal(startedAs("flow-exporter", "--topic=t").status, 1);
    assert.equal(startedAs("flow-exporter", "--topic=t", "--brokers=").status, 1);
    assert.equal(startedAs("flow-exporter", "--topic=t", "--brokers=a", "--asn=x").status, 2);
  });

  test("a host that does not allow it is told as promtap does, with 1", () => {
    const { status, stderr } = startedAs("promacct", "-i", "nowhere0", "-p", "0");
    assert.equal(status, 1);
    assert.match(stderr, /^couldn't open nowhere0: .*\n$/);
  });

  test("the differences are those of its section of the manual", () => {
    const manual = readFileSync(new URL(`../../${MANUALS.personalities.path}`, import.meta.url), "utf8");
    const listed = Object.keys(PERSONALITIES).map((name) => {
      const { status, stdout } = startedAs(name, "--differences");
      assert.equal(status, 0);
      assert.match(stdout, /^(?:- (?:.+\n(?: {2}.+\n)*))+$/);
      return `## ${name}\n\n${stdout}`;
    });
    assert.ok(manual.endsWith(listed.join("\n")));
  });
});

test("as takes one of the names", () => {
  const { status, stderr } = startedAs("promtap", "as", "moon");
  assert.equal(status, 2);
  assert.match(stderr, /^as needs the name of an exporter: promacct, iptables_exporter, .*\n$/);
});
