import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FrameReceiver } from "../../../src/capture/savefile/file-interfaces.ts";
import { openSavefile } from "../../../src/capture/savefile/savefile.ts";
import { PromtapError } from "../../../src/errors.ts";
import { type Facts, facts } from "../../packet/frames.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import type { Part } from "./captures.ts";

/** All that came out of a file. */
export interface Counted {
  /** Interface → what was recorded, in order. */
  frames: Map<string, Facts[]>;
  warnings: string[];
  /** The line that ended the reading; undefined at the end of the file. */
  error: string | undefined;
}

/** Reads a file of these parts, named sample.pcap. */
export async function countParts(...parts: readonly Part[]): Promise<Counted> {
  return countBytes(Uint8Array.from(parts.flat()));
}

export async function countBytes(bytes: Uint8Array): Promise<Counted> {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "sample.pcap");
  writeFileSync(path, bytes);
  return await countFile(path);
}

/** Reads a file; anything thrown that is not a PromtapError of one line fails the test. */
export async function countFile(path: string, signal?: AbortSignal): Promise<Counted> {
  const counted: Counted = { frames: new Map(), warnings: [], error: undefined };
  const sinkFor = (name: string): { record(packet: Parameters<typeof facts>[0]): void } => {
    const list = counted.frames.get(name) ?? [];
    counted.frames.set(name, list);
    return { record: (packet) => void list.push(facts(packet)) };
  };
  try {
    const warn = (message: string): void => void counted.warnings.push(message);
    await readSavefile(path, { sinkFor, warn }, signal);
  } catch (error) {
    if (!(error instanceof PromtapError)) throw error;
    assert.doesNotMatch(error.message, /\n/);
    counted.error = error.message;
  }
  return counted;
}

/** Opens a file and counts it to its end. */
export async function readSavefile(path: string, receiver: FrameReceiver, signal?: AbortSignal): Promise<void> {
  await using file = openSavefile(path, signal);
  await file.count(receiver);
}

/** The frames of a file that is sound and has one interface. */
export function onlyFrames(counted: Counted): Facts[] {
  assert.equal(counted.error, undefined);
  assert.equal(counted.frames.size, 1);
  return [...counted.frames.values()].flat();
}
