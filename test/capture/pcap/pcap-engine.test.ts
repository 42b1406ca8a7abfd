import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { before, describe, test } from "node:test";
import { PROMTAP } from "../../support/promtap.ts";
import { lacking } from "../../support/requirements.ts";
import { LinkNews } from "../link-news.ts";
import { enterPrivateNetwork, ip } from "../private-network.ts";

const TIMEOUT_MS = 20_000;

function run(command: readonly string[]) {
  const [program = "", ...args] = command;
  return spawnSync(program, args, { encoding: "utf8", timeout: TIMEOUT_MS });
}

describe("the engine pcap", { skip: lacking("root", "libpcap", "unshare", "ip") }, () => {
  before(() => {
    enterPrivateNetwork();
    ip("link set lo up");
  });

  test("works if /proc is missing", () => {
    const script = 'mount -t tmpfs tmpfs /proc; exec "$@"';
    const wrapped = ["unshare", "--mount", "/bin/sh", "-ec", script, "sh"];
    const { status, stdout, stderr } = run([...wrapped, ...PROMTAP, "--engine", "pcap", "-i", "lo", "--once"]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^promtap_interface_up\{interface="lo"\} 1$/m);
  });

  for (const args of [
    ["--wialon", "--wialon-filter"],
    ["--wialon", "-i", "lo", "--wialon-filter"],
    ["--engine=pcap", "-i", "auto", "--pcap.filter"],
    ["--engine=pcap", "-i", "lo", "--pcap.filter"],
  ]) {
    for (const more of [[], ["--check"], ["--once"]]) {
      const words = [...args, "tcp prot 20332", ...more];
      test(`ends with status 2 if a filter is illegal, before anything is opened: ${words.join(" ")}`, () => {
        using news = new LinkNews();
        const { status, stdout, stderr } = run([...PROMTAP, ...words]);
        assert.equal(status, 2);
        assert.equal(stdout, "");
        const reason = "can't parse filter expression: syntax error; legal is an expression of pcap-filter(7)";
        assert.match(stderr, /^[^\n]+\n$/);
        assert.ok(stderr.endsWith(`invalid ${args.at(-1)} "tcp prot 20332": ${reason}\n`), stderr);
        assert.equal(news.take(), 0);
      });
    }
  }
});
