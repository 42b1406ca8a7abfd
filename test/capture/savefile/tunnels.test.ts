import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { FrameReader } from "../../../src/capture/engine.ts";
import type { Packet } from "../../../src/packet/packet.ts";
import { hex, IPV4, MACS } from "../../packet/frames.ts";
import { outerIpv4 } from "../../packet/tunnels.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { pcap } from "./captures.ts";
import { readSavefile } from "./counting.ts";

const IPIP = 4;
const INNER = 0x0a010203;
const OUTER = 0xc6336401;

test("of a file whose tunnels are opened, what is inside is recorded, and readers take what is outside", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "tunnels.pcap");
  const frame = { bytes: [...hex(`${MACS} 0800 ${outerIpv4(5, IPIP, IPV4)}`)] };
  writeFileSync(path, Uint8Array.from(pcap({ order: "little" }, [frame]).flat()));
  const recorded: number[] = [];
  const read: number[] = [];
  const record = ({ source }: Packet): void => void recorded.push(source >>> 0);
  const reader: FrameReader = { take: ({ source }) => void read.push(source >>> 0), end() {} };
  const receiver = { sinkFor: () => ({ record }), readers: [reader], warn: assert.fail };
  await readSavefile(path, { ...receiver, opensTunnels: true });
  await readSavefile(path, receiver);
  assert.deepEqual(recorded, [INNER, OUTER]);
  assert.deepEqual(read, [OUTER, OUTER]);
});
