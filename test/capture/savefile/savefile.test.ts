import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { openSavefile } from "../../../src/capture/savefile/savefile.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { pcap, pcapHeader, pcapRecord } from "./captures.ts";
import { countBytes, countFile, readSavefile } from "./counting.ts";
import { FACTS, FRAMES, TCP_FRAME } from "./samples.ts";

const SAMPLE = Uint8Array.from(pcap({ order: "little" }, FRAMES).flat());

describe("a file that is no capture is refused:", () => {
  const refusals: { name: string; bytes: Uint8Array; error: RegExp }[] = [
    { name: "an empty one", bytes: new Uint8Array(0), error: /at byte 0: the file is empty$/ },
    { name: "one of three bytes", bytes: Uint8Array.of(0xd4, 0xc3, 0xb2), error: /it begins with d4c3b2$/ },
    {
      name: "a text",
      bytes: Buffer.from("hello\n"),
      error: /neither a pcap nor a pcapng file: it begins with 68656c6c$/,
    },
    {
      name: "a compressed one, with the way to read it",
      bytes: gzipSync(SAMPLE),
      error: /compressed \(gzip\); use: zcat .*sample\.pcap \| promtap --read -$/,
    },
    { name: "the start of a compressed one", bytes: Uint8Array.of(0x1f, 0x8b), error: /zcat/ },
    { name: "one compressed with zstd", bytes: Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0), error: /zstdcat/ },
    { name: "one compressed with xz", bytes: Buffer.from("fd377a585a00", "hex"), error: /xzcat/ },
  ];
  for (const { name, bytes, error } of refusals) {
    test(name, async () => {
      const counted = await countBytes(bytes);
      assert.match(counted.error!, /^couldn't read \/.*sample\.pcap at byte 0: /);
      assert.match(counted.error!, error);
    });
  }
});

describe("a path that cannot be read is refused:", () => {
  test("one that does not exist", async () => {
    const { error } = await countFile("/nonexistent/a.pcap");
    assert.equal(error, "couldn't open /nonexistent/a.pcap: no such file");
  });

  test("a directory", async () => {
    assert.match((await countFile("/")).error!, /^couldn't read \/: is a directory/);
  });

  test("one with a line break, in one line", async () => {
    assert.equal((await countFile("/a\nb\u2028c")).error, "couldn't open /a?b?c: no such file");
  });
});

test("a file is recognized by its first bytes, whatever comes after, and counted from its first packet", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "damaged.pcap");
  writeFileSync(path, SAMPLE.subarray(0, -1));
  await using file = openSavefile(path);
  await file.recognize();
  let counted = 0;
  const counting = file.count({ sinkFor: () => ({ record: () => void counted++ }), warn: assert.fail });
  await assert.rejects(counting, { code: "INPUT", message: /the file ends inside a packet/ });
  assert.equal(counted, FRAMES.length - 1);
});

test("a pcap file's interface is called as the file, without its directories", async () => {
  using folder = new TemporaryFolder();
  const directory = join(folder.path, "2026-11-21");
  mkdirSync(directory);
  const name = 'uplink "2" – ü.pcap';
  writeFileSync(join(directory, name), SAMPLE);
  assert.deepEqual((await countFile(join(directory, name))).frames, new Map([[name, FACTS]]));
});

test("a file is closed when it has been read, and when it is damaged or none", async () => {
  const openBefore = readdirSync("/proc/self/fd").length;
  await countBytes(SAMPLE);
  await countBytes(SAMPLE.subarray(1));
  await countFile("/");
  assert.equal(readdirSync("/proc/self/fd").length, openBefore);
});

test("other work runs while a large file is read", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "large.pcap");
  const record = Buffer.from(pcapRecord("little", TCP_FRAME));
  const recordCount = 200_000;
  const header = Buffer.from(pcapHeader({ order: "little" }));
  writeFileSync(path, Buffer.concat([header, Buffer.alloc(recordCount * record.length, record)]));
  let counted = 0;
  const countsSeen = new Set<number>();
  const look = (): void => {
    countsSeen.add(counted);
    if (counted < recordCount) setImmediate(look);
  };
  setImmediate(look);
  await readSavefile(path, { sinkFor: () => ({ record: () => void counted++ }), warn: assert.fail });
  assert.equal(counted, recordCount);
  // One turn of the event loop for each chunk of a MiB: 18 MB.
  assert.ok(countsSeen.size >= 15, `${countsSeen.size} turns`);
});

test("an aborted reading ends early and without an error", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "large.pcap");
  const parts = [
    pcapHeader({ order: "big" }),
    ...Array.from({ length: 60 }, () => pcapRecord("big", { bytes: Array(60_000).fill(0) })),
  ];
  writeFileSync(path, Uint8Array.from(parts.flat()));
  const abort = new AbortController();
  let counted = 0;
  const record = (): void => {
    counted++;
    abort.abort();
  };
  await readSavefile(path, { sinkFor: () => ({ record }), warn: assert.fail }, abort.signal);
  assert.ok(counted > 0 && counted < 60, `${counted} packets`);
});
