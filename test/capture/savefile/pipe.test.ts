import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Writable } from "node:stream";
import { describe, test } from "node:test";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { enhancedPacket, interfaceBlock, pcap, pcapHeader, pcapRecord, sectionHeader } from "./captures.ts";
import { countFile, readSavefile } from "./counting.ts";
import { FACTS, FRAMES, TCP_FRAME } from "./samples.ts";

const MB = 1_000_000;
const SAMPLE = Buffer.from(pcap({ order: "big" }, FRAMES).flat());
const PCAP_HEADER = Buffer.from(pcapHeader({ order: "little" }));
const PCAP_RECORD = Buffer.from(pcapRecord("little", TCP_FRAME));

describe("a FIFO", () => {
  test("is waited for until somebody writes to it, and read to the end", async () => {
    using fifo = new Fifo();
    const counting = countFile(fifo.path);
    createWriteStream(fifo.path).end(SAMPLE);
    assert.deepEqual(await counting, { frames: new Map([["fifo", FACTS]]), warnings: [], error: undefined });
  });

  test("has each packet counted when it comes, without waiting for more", async () => {
    using fifo = new Fifo();
    const writer = createWriteStream(fifo.path);
    writer.write(PCAP_HEADER);
    let counted = 0;
    const record = (): void => {
      counted++;
      if (counted < 10) writer.write(PCAP_RECORD);
      else writer.end();
    };
    writer.write(PCAP_RECORD);
    await readSavefile(fifo.path, { sinkFor: () => ({ record }), warn: assert.fail });
    assert.equal(counted, 10);
  });

  test("may give its bytes one by one", async () => {
    using fifo = new Fifo();
    const counting = countFile(fifo.path);
    const writer = createWriteStream(fifo.path);
    for (const byte of SAMPLE) await new Promise((resolve) => writer.write(Uint8Array.of(byte), resolve));
    writer.end();
    assert.deepEqual((await counting).frames, new Map([["fifo", FACTS]]));
  });

  test("that ends inside a packet is damaged there", async () => {
    using fifo = new Fifo();
    const counting = countFile(fifo.path);
    createWriteStream(fifo.path).end(SAMPLE.subarray(0, -1));
    const { error, frames } = await counting;
    assert.match(error!, /at byte \d+: the file ends inside a packet/);
    assert.deepEqual(frames, new Map([["fifo", FACTS.slice(0, -1)]]));
  });

  test("is closed when it is damaged, while its writer is still there", async () => {
    using fifo = new Fifo();
    const counting = countFile(fifo.path);
    const writer = createWriteStream(fifo.path);
    writer.write("no capture");
    assert.match((await counting).error!, /neither a pcap nor a pcapng file/);
    writer.write("more");
    const [error] = await once(writer, "error");
    assert.equal((error as NodeJS.ErrnoException).code, "EPIPE");
  });

  test("to which nobody writes is left when the reading is aborted", async () => {
    using fifo = new Fifo();
    const abort = new AbortController();
    const counting = countFile(fifo.path, abort.signal);
    setImmediate(() => abort.abort());
    assert.deepEqual(await counting, { frames: new Map(), warnings: [], error: undefined });
  });
});

describe("standard input", () => {
  test("is an interface called stdin", async () => {
    const result = await countStdin((stdin) => void stdin.end(SAMPLE));
    assert.deepEqual(result, { ...result, frames: FRAMES.length, names: ["stdin"], error: "" });
  });

  test("may be a file", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "redirected.pcap");
    writeFileSync(path, SAMPLE);
    const result = await countStdin(openSync(path, "r"));
    assert.deepEqual(result, { ...result, frames: FRAMES.length, names: ["stdin"], error: "" });
  });

  test("that is no capture is refused by its name", async () => {
    const result = await countStdin((stdin) => void stdin.end("hello"));
    assert.match(result.error, /^couldn't read standard input at byte 0: neither/);
  });

  test("that nobody writes to does not keep the process from exiting", async () => {
    let close = (): void => {};
    const result = await countStdin((stdin) => (close = () => void stdin.end()), "abort");
    close();
    assert.equal(result.error, "");
  });

  const streams = {
    pcap: { header: PCAP_HEADER, record: PCAP_RECORD },
    pcapng: {
      header: Buffer.from([...sectionHeader("big"), ...interfaceBlock("big")]),
      record: Buffer.from(enhancedPacket("big", 0, TCP_FRAME)),
    },
  };
  for (const [format, { header, record }] of Object.entries(streams)) {
    test(`of 100 MB of ${format} takes hardly more memory than one of 5 MB`, async () => {
      const countOf = (bytes: number): Promise<Result> =>
        countStdin((stdin) => writeRecords(stdin, header, record, Math.floor(bytes / record.length)));
      const [small, large] = [await countOf(5 * MB), await countOf(100 * MB)];
      assert.equal(large.frames, Math.floor((100 * MB) / record.length));
      const grownBytes = large.peakBytes - small.peakBytes;
      assert.ok(grownBytes < 20 * MB, `${(grownBytes / MB).toFixed(1)} MB more`);
    });
  }
});

interface Result {
  frames: number;
  names: string[];
  error: string;
  peakBytes: number;
}

/** Counts in a process of its own what is written to its standard input, or what a descriptor gives. */
async function countStdin(input: number | ((stdin: Writable) => unknown), ...more: string[]): Promise<Result> {
  const script = join(import.meta.dirname, "count-stdin.ts");
  const stdin = typeof input === "number" ? input : "pipe";
  const child = spawn(process.execPath, [script, ...more], { stdio: [stdin, "pipe", "inherit"] });
  const output = text(child.stdout!);
  if (typeof input !== "number") input(child.stdin!);
  const [status] = await once(child, "exit");
  assert.equal(status, 0);
  return JSON.parse(await output) as Result;
}

async function writeRecords(stdin: Writable, header: Buffer, record: Buffer, count: number): Promise<void> {
  const batchCount = 1000;
  const batch = Buffer.alloc(batchCount * record.length, record);
  stdin.write(header);
  for (let left = count; left > 0; left -= batchCount) {
    const isRoom = stdin.write(left >= batchCount ? batch : batch.subarray(0, left * record.length));
    if (!isRoom) await once(stdin, "drain");
  }
  stdin.end();
}

class Fifo implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly path: string = join(this.#folder.path, "fifo");

  constructor() {
    execFileSync("mkfifo", [this.path]);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
