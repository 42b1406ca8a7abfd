import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { SelfCollector } from "../../src/collectors/self.ts";
import type { Family } from "../../src/page/family.ts";
import { Refusals } from "../../src/http/admission/refusals.ts";
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

test("processor time, memory and descriptors are what the kernel says, the start of the process included", async () => {
  const TICKS_PER_SECOND = 100;
  const ticks = (): number[] =>
    readFileSync("/proc/self/stat", "latin1").split(") ")[1]!.split(" ").slice(11, 13).map(Number);
  const before = ticks();
  const families = await collected(new SelfCollector(), Format.TEXT);
  const value = (name: string): number => Number(families.get(name)!.samples[0]!.value);
  const after = ticks();
  for (const [index, name] of ["process_cpu_user_seconds_total", "process_cpu_system_seconds_total"].entries()) {
    const found = value(name) * TICKS_PER_SECOND;
    assert.ok(before[index]! - 1 <= found && found <= after[index]! + 2, `${before[index]} ${found} ${after[index]}`);
  }
  const sum = value("process_cpu_user_seconds_total") + value("process_cpu_system_seconds_total");
  assert.ok(Math.abs(value("process_cpu_seconds_total") - sum) < 1e-6);
  const [pages] = readFileSync("/proc/self/statm", "latin1").split(" ");
  assert.ok(Math.abs(value("process_virtual_memory_bytes") / (Number(pages) * 4096) - 1) < 0.1);
  assert.equal(value("process_open_fds"), readdirSync("/proc/self/fd").length - 1);
  const limit = execFileSync("sh", ["-c", `grep "Max open files" /proc/${process.pid}/limits`], { encoding: "utf8" });
  assert.equal(value("process_max_fds"), Number(limit.trim().split(/\s+/)[3]));
});

test("what can't be read is left out, and never 0", async () => {
  const families = await collected(new SelfCollector(undefined, "/proc/no-process"), Format.TEXT);
  const cpu = ["process_cpu_user_seconds_total", "process_cpu_system_seconds_total", "process_cpu_seconds_total"];
  assert.deepEqual([...families.keys()], ["promtap_build_info", ...cpu, "process_start_time_seconds"]);
});

test("collecting leaves no timer behind that would keep the process awake", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => /Timeout|Immediate/.test(kind)).length;
  const before = timers();
  await new SelfCollector().collect();
  assert.ok(timers() <= before);
});

test("what became of the configuration is told if it can be read again", async () => {
  const state = { isSuccessful: false, succeededAt: 1_767_225_600 };
  const families = await new SelfCollector({ config: () => state }).collect();
  await expectGolden(families, "promtap_config_", "config.txt");
});

test("the process is left out if it is not wanted, and nothing else", async () => {
  let hidesProcess = true;
  const collector = new SelfCollector({ hidesProcess: () => hidesProcess });
  assert.deepEqual(
    (await collector.collect()).map(({ name }) => name),
    ["promtap_build_info"],
  );
  hidesProcess = false;
  assert.ok((await collector.collect()).some(({ name }) => name === "process_cpu_seconds_total"));
});

test("what was refused is told by reason if anything is served, and until when the certificate is good", async () => {
  using refusals = new Refusals(() => {});
  refusals.count("pages");
  const surroundings = { refusals: () => refusals.counts, certificateEndsAt: () => 1_700_000_000 };
  const families = await new SelfCollector(surroundings).collect();
  await expectGolden(families, "promtap_web_", "web.txt");
});

async function expectGolden(families: readonly Family[], prefix: string, name: string): Promise<void> {
  const own = families.filter((family) => family.name.startsWith(prefix));
  const golden = readFileSync(new URL(`../golden/${name}`, import.meta.url), "utf8");
  const chunks: Buffer[] = [];
  for await (const chunk of makePage(own, Format.TEXT)) chunks.push(Buffer.from(chunk));
  assert.equal(Buffer.concat(chunks).toString(), golden);
}
