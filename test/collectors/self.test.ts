import assert from "node:assert/strict";
import { test } from "node:test";
import { SelfCollector } from "../../src/collectors/self.ts";
import { Format } from "../../src/page/negotiation.ts";
import { makePage } from "../../src/page/page.ts";
import { parseExposition } from "../page/exposition-parser.ts";

async function collected(collector: SelfCollector, format: Format) {
  const chunks: Buffer[] = [];
  for await (const chunk of makePage(await collector.collect(), format)) chunks.push(Buffer.from(chunk));
  return parseExposition(Buffer.concat(chunks), format);
}

test("build and process are on the page, in both formats and each time", async () => {
  const collector = new SelfCollector();
  for (const format of [Format.TEXT, Format.OPENMETRICS, Format.TEXT]) {
    const families = await collected(collector, format);
    const cpu = format === Format.TEXT ? "process_cpu_seconds_total" : "process_cpu_seconds";
    const expected = ["promtap_build_info", cpu, "process_start_time_seconds", "process_resident_memory_bytes"];
    for (const name of [...expected, "process_open_fds", "process_max_fds"]) {
      assert.equal(families.get(name)?.samples.length, 1, name);
    }
    const [build] = families.get("promtap_build_info")!.samples;
    assert.deepEqual(
      build!.labels.map(([name]) => name),
      ["version", "revision", "nodeversion"],
    );
    const start = Number(families.get("process_start_time_seconds")!.samples[0]!.value);
    assert.ok(Math.abs(start + process.uptime() - Date.now() / 1000) < 5);
  }
});

test("collecting leaves no timer behind that would keep the process awake", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => /Timeout|Immediate/.test(kind)).length;
  const before = timers();
  await new SelfCollector().collect();
  assert.ok(timers() <= before);
});
