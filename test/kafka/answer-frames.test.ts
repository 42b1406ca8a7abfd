import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AnswerFrames } from "../../src/kafka/answer-frames.ts";

const LIMIT = { longest: 100, kept: 0 };

function framed(...answers: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    answers.flatMap((answer) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(answer.length);
      return [length, answer];
    }),
  );
}

describe("what a broker sends", () => {
  test("is cut into its answers, however it comes in", () => {
    const answers = fc.array(fc.uint8Array({ minLength: 4, maxLength: 100 }), { maxLength: 8 });
    const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 });
    fc.assert(
      fc.property(answers, cuts, (sent, lengths) => {
        const frames = new AnswerFrames(() => LIMIT);
        const bytes = framed(...sent);
        const found: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + lengths[turn % lengths.length]!;
          for (const frame of frames.push(bytes.subarray(at, end))) found.push(frame.bytes);
          at = end;
        }
        assert.deepEqual(
          found.map((each) => [...each]),
          sent.map((each) => [...each]),
        );
      }),
    );
  });

  test("is refused by its length alone if it is too long, or no length at all", () => {
    for (const length of [101, 2 ** 31 - 1, 3, 0, -1, -(2 ** 31)]) {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(length);
      const frames = new AnswerFrames(() => LIMIT);
      assert.throws(() => [...frames.push(bytes)], { message: `it announced an answer of ${length} bytes` });
    }
  });

  test("is kept as far as the limit says if it is too long, and nothing after it", () => {
    const frames = new AnswerFrames(() => ({ longest: 100, kept: 10 }));
    const answer = Uint8Array.from({ length: 101 }, (_, index) => index);
    const [kept, ...more] = [...frames.push(framed(answer, answer))];
    assert.deepEqual([...kept!.bytes], [...answer.subarray(0, 10)]);
    assert.equal(kept!.length, 101);
    assert.deepEqual(more, []);
  });
});
