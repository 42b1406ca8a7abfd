import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRecordsBatch } from "@platformatic/kafka";
import { Counting, type Progress } from "../../../src/kafka/consumer/counting.ts";
import { RecordCursor } from "../../../src/kafka/consumer/record-cursor.ts";
import { until } from "../../support/waiting.ts";

const RECORDS = 1000;

/** A counting, and the offsets of what it has counted. */
function countingUntil(signal: AbortSignal): { counting: Counting; counted: number[] } {
  const counted: number[] = [];
  const sink = {
    message: (_data: Buffer, _start: number, _end: number, _partition: number, offset: number) =>
      void counted.push(offset),
    damaged: () => assert.fail(),
    lost: () => assert.fail(),
  };
  return { counting: new Counting(sink, signal), counted };
}

function cursor(): RecordCursor {
  const messages = Array.from({ length: RECORDS }, (_, index) => ({ topic: "t", value: Buffer.from(`${index}`) }));
  return new RecordCursor(Buffer.from(createRecordsBatch(messages, {}).buffer), 0);
}

const offsets = Array.from({ length: RECORDS }, (_, offset) => offset);

describe("what was fetched", () => {
  test("counts once if two brokers have sent it, the old leader and the new", async () => {
    const { counting, counted } = countingUntil(new AbortController().signal);
    const progress: Progress = { position: 0, committed: -1, endOffset: 0 };
    await Promise.all([counting.count(0, progress, cursor()), counting.count(0, progress, cursor())]);
    assert.deepEqual(counted, offsets);
    assert.equal(progress.position, RECORDS);
    await counting.count(0, progress, cursor());
    assert.equal(counted.length, RECORDS);
  });

  test("waits while it is held, and while it may be somebody else's", { timeout: 30_000 }, async () => {
    const { counting, counted } = countingUntil(new AbortController().signal);
    const held = Promise.withResolvers<void>();
    counting.hold = held.promise;
    counting.goodUntil = performance.now();
    const progress: Progress = { position: 0, committed: -1, endOffset: 0 };
    let isOver = false;
    const count = counting.count(0, progress, cursor()).then(() => (isOver = true));
    counting.hold = undefined;
    held.resolve();
    await until("it is not good any more", () => !counting.isGood);
    assert.equal(isOver, false);
    assert.deepEqual(counted, []);
    counting.goodUntil = Number.POSITIVE_INFINITY;
    await count;
    assert.deepEqual(counted, offsets);
  });

  test("is not counted after the end", { timeout: 30_000 }, async () => {
    const end = new AbortController();
    const { counting, counted } = countingUntil(end.signal);
    counting.goodUntil = 0;
    const count = counting.count(0, { position: 0, committed: -1, endOffset: 0 }, cursor());
    end.abort();
    await count;
    assert.deepEqual(counted, []);
  });
});
