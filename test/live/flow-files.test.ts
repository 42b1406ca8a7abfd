import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { runPromtap, RunningPromtap } from "../support/promtap.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

/** Where nobody listens: the files are read before a broker is connected to. */
const FLOWS = ["--flow-brokers", "127.0.0.1:1", "--flow-topic", "none", "--flow-asn", "64500"];
const LOGIN = ["--flow-sasl", "PLAIN", "--flow-sasl-user", "alice"];

const FILES: readonly [flag: string, ...others: readonly string[]][] = [
  ["--flow-sasl-password-file", ...LOGIN],
  ["--flow-tls-ca"],
];

for (const [flag, ...others] of FILES) {
  for (const what of ["a FIFO without a writer", "/dev/zero"]) {
    test(`${what} as ${flag} is refused in one line, and does not hold the end`, { timeout: 60_000 }, async () => {
      using folder = new TemporaryFolder();
      const fifo = join(folder.path, "fifo");
      execFileSync("mkfifo", [fifo]);
      const path = what === "/dev/zero" ? what : fifo;
      const flags = [...FLOWS, ...others, flag, path];
      const refusal = `couldn't use ${path}: it is not a regular file`;
      const { status, stderr } = await runPromtap(undefined, ["--check", ...flags]);
      assert.match(stderr, new RegExp(`^.*couldn't read from Kafka: ${refusal}\n$`));
      assert.equal(status, 1);
      await using promtap = await RunningPromtap.start(undefined, flags);
      await promtap.pageWhere("it has tried", (page) => page.value("promtap_flow_reconnects_total")! >= 2);
      const ended = await promtap.stop();
      assert.match(ended.stderr, new RegExp(refusal));
      assert.equal(ended.status, 0);
    });
  }
}
