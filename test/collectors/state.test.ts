import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { StateCollector } from "../../src/collectors/state.ts";
import { Format } from "../../src/page/negotiation.ts";
import { makePage } from "../../src/page/page.ts";

const GOLDEN = resolve(import.meta.dirname, "../golden/state.txt");

test("the page of a file that was written is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  const facts = { writtenAt: 0, sizeBytes: 0, failures: 0 };
  const collector = new StateCollector(facts);
  Object.assign(facts, { writtenAt: 1_700_000_000.25, sizeBytes: 6_123_200, failures: 2 });
  const chunks: Buffer[] = [];
  for await (const chunk of makePage(await collector.collect(), Format.TEXT)) chunks.push(Buffer.from(chunk));
  const page = Buffer.concat(chunks).toString();
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, page);
  assert.equal(page, readFileSync(GOLDEN, "utf8"));
});
