import assert from "node:assert/strict";
import { test } from "node:test";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { runPromtap, RunningPromtap } from "../support/promtap.ts";
import { engineOptions, liveOptions } from "../support/requirements.ts";

/** As many as are kept for the web. */
const RESERVE = 32;

function addMany(namespace: Namespace, count: number): string[] {
  const names = Array.from({ length: count }, (_, index) => `many${index}`);
  const commands = names.map((name) => `link add ${name} up type bridge`);
  namespace.run("sh", "-c", `printf '${commands.join("\\n")}\\n' | ip -batch -`);
  return names;
}

function limited(descriptors: number): string[] {
  return ["prlimit", `--nofile=${descriptors}:${descriptors}`];
}

function captured(page: Page): number {
  return page.sum("promtap_interface_up");
}

function isOf(engine: string, page: Page): boolean {
  return page.value(`promtap_capture_info{engine="${engine}"}`) === 1;
}

for (const engine of ["bpf", "tcx", "ring", "pcap"]) {
  test(
    `engine ${engine} leaves descriptors to the web, and tells once what it can't capture and why`,
    engineOptions(engine),
    async () => {
      using namespace = new Namespace();
      const names = addMany(namespace, 60);
      await using promtap = await RunningPromtap.start(namespace, ["--engine", engine, "-i", "many*"], limited(64));
      // It is told when all have been tried.
      await promtap.logged(/too many open files/);
      const page = await promtap.page();
      assert.ok(captured(page) < 60);
      assert.ok(page.value("process_open_fds")! <= 64 - RESERVE + 3, "the reserve is touched");

      // What goes makes room for what waits; so does what the start itself had open for a moment.
      const before = captured(page);
      for (const name of names.slice(0, 2)) namespace.ip("link", "del", name);
      await promtap.pageWhere("others are captured instead", (after) => captured(after) >= before);
      const { status, stderr } = await promtap.stop();
      assert.equal(status, 0);
      const told = stderr.split("\n").filter((line) => line.includes("level=error"));
      assert.equal(told.length, 1, stderr);
      assert.match(told[0]!, /too many open files: 64 may be open, 32 of them are kept for the web; raise LimitNOFILE/);
    },
  );
}

test(
  "auto takes the engine that has the descriptors for all interfaces, and says why not a better one",
  liveOptions("prlimit"),
  async () => {
    using namespace = new Namespace();
    const named = addMany(namespace, 80).flatMap((name) => ["-i", name]);
    {
      await using promtap = await RunningPromtap.start(namespace, named, limited(256));
      const page = await promtap.page();
      assert.deepEqual([isOf("bpf", page), captured(page)], [true, 80]);
    }
    await using promtap = await RunningPromtap.start(namespace, named, limited(150));
    const page = await promtap.page();
    assert.deepEqual([isOf("ring", page), captured(page)], [true, 80]);
    const { stderr } = await promtap.stop();
    assert.match(stderr, /engine bpf: needs 160 descriptors: .*150 may be open, .*LimitNOFILE/);
  },
);

test(
  "an interface that is named in full and finds no descriptor fails the start, which says so",
  liveOptions("prlimit"),
  async () => {
    using namespace = new Namespace();
    const named = addMany(namespace, 60).flatMap((name) => ["-i", name]);
    const { status, stderr } = await runPromtap(namespace, named, limited(64));
    assert.equal(status, 1);
    assert.match(stderr, /couldn't open many\d+: too many open files: 64 may be open, .*LimitNOFILE/);
  },
);
