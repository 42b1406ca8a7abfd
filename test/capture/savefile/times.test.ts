import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { FrameReader } from "../../../src/capture/engine.ts";
import { ipv4Frame, PROTOCOL_TCP } from "../../support/frames.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import * as captures from "./captures.ts";
import { readSavefile } from "./counting.ts";

const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;
const FRAME = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_TCP, lengthBytes: 80 });

/** The two numbers that every time has in captures.ts. */
const FIRST = 1_700_000_000;
const SECOND = 999_999;

/** The times that a reader is told of the frames of a file; they must be whole. */
async function timesOf(parts: readonly captures.Part[]): Promise<number[]> {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "sample.pcap");
  writeFileSync(path, Uint8Array.from(parts.flat()));
  const times: number[] = [];
  const reader: FrameReader = {
    take(packet, linkType, bytes, start, end, atSeconds) {
      assert.deepEqual([...bytes.subarray(start, end)], FRAME.bytes);
      assert.deepEqual([packet.protocol, packet.networkOffset - start, linkType], [PROTOCOL_TCP, 14, 1]);
      times.push(atSeconds);
    },
    end() {},
  };
  let counted = 0;
  const sinkFor = () => ({ record: () => void counted++ });
  await readSavefile(path, { sinkFor, readers: [reader, reader], warn: assert.fail });
  assert.equal(times.length, 2 * counted, "every reader is told of every frame");
  return times.filter((_, index) => index % 2 === 0);
}

function near(found: readonly number[], expected: number): void {
  assert.ok(found.length > 0);
  const tolerance = 1e-6 * Math.max(1, expected / 1e9);
  for (const time of found) assert.ok(Math.abs(time - expected) <= tolerance, `${time}, not ${expected}`);
}

test("a reader that takes long leaves others their turn", async () => {
  for (const parts of [
    captures.pcap({ order: "little" }, Array<typeof FRAME>(5).fill(FRAME)),
    [
      captures.sectionHeader("little"),
      captures.interfaceBlock("little"),
      ...Array.from({ length: 5 }, () => captures.enhancedPacket("little", 0, FRAME)),
    ],
  ]) {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "sample.pcap");
    writeFileSync(path, Uint8Array.from(parts.flat()));
    const turns: string[] = [];
    const take = (): void => {
      const until = performance.now() + 30;
      while (performance.now() < until);
      turns.push("frame");
      setImmediate(() => turns.push("other"));
    };
    const sinkFor = () => ({ record: () => {} });
    await readSavefile(path, { sinkFor, readers: [{ take, end() {} }], warn: assert.fail });
    assert.equal(turns.join(" "), Array<string>(5).fill("frame other").join(" "));
  }
});

for (const order of captures.BYTE_ORDERS) {
  test(`a pcap file (${order}) has times in microseconds or nanoseconds`, async () => {
    const frames = [FRAME, FRAME];
    near(await timesOf(captures.pcap({ order }, frames)), FIRST + SECOND / 1e6);
    near(await timesOf(captures.pcap({ order, magic: captures.MAGIC_MODIFIED }, frames)), FIRST + SECOND / 1e6);
    near(await timesOf(captures.pcap({ order, magic: captures.MAGIC_NANOSECONDS }, frames)), FIRST + SECOND / 1e9);
  });

  test(`a pcapng file (${order}) has times in the unit of each interface, and from its offset`, async () => {
    const units = FIRST * 2 ** 32 + SECOND;
    const timesWith = (...options: captures.Part[]) =>
      timesOf([
        captures.sectionHeader(order),
        captures.interfaceBlock(order, { options: options.flat() }),
        captures.enhancedPacket(order, 0, FRAME),
        captures.obsoletePacket(order, 0, FRAME),
      ]);
    const resolution = (value: number) => captures.option(order, IF_TSRESOL, [value]);
    near(await timesWith(), units / 1e6);
    near(await timesWith(resolution(9)), units / 1e9);
    near(await timesWith(resolution(0x80 | 20)), units / 2 ** 20);
    const offset = [...captures.u32(order, 0), ...captures.u32(order, 500)];
    const ordered = order === "big" ? offset : [...offset.slice(4), ...offset.slice(0, 4)];
    near(await timesWith(resolution(9), captures.option(order, IF_TSOFFSET, ordered)), units / 1e9 + 500);
  });
}
