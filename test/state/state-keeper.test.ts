import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { PromtapError } from "../../src/errors.ts";
import { decodeState } from "../../src/state/state-file.ts";
import { describeState, StateKeeper, type StateLog, statePath } from "../../src/state/state-keeper.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

/** What was logged, a line each. */
class Lines implements StateLog {
  readonly lines: string[] = [];
  readonly info = this.#taker("info");
  readonly warn = this.#taker("warn");
  readonly error = this.#taker("error");

  #taker(level: string): StateLog["info"] {
    return (message, fields) => void this.lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  }
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

/** Sections of a file, as texts. */
function sectionsOf(path: string): Record<string, string> {
  const { sections } = decodeState(readFileSync(path));
  const others = [...sections].filter(([name]) => name !== "begun");
  return Object.fromEntries(others.map(([name, section]) => [name, Buffer.from(section).toString()]));
}

/** A file with these sections. */
async function writeState(path: string, sections: Record<string, string>): Promise<void> {
  const keeper = await StateKeeper.open(path, new Lines());
  for (const [name, text] of Object.entries(sections)) keeper.keep(name, async () => [bytes(text)]);
  await keeper.write();
}

test("what was kept is there at the next start; sections that nobody knows are kept as they are", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "promtap.state");
  await writeState(path, { traffic: "one", samples: "of others" });
  const log = new Lines();
  const keeper = await StateKeeper.open(path, log);
  assert.match(log.lines.join(), /^info: goes on from the state /);
  assert.equal(Buffer.from(keeper.stored("traffic")!).toString(), "one");
  assert.equal(keeper.stored("templates"), undefined);
  assert.equal(keeper.sizeBytes, readFileSync(path).length);
  keeper.keep("traffic", async () => [bytes("t"), bytes("wo")]);
  await keeper.write();
  assert.deepEqual(sectionsOf(path), { samples: "of others", traffic: "two" });
  assert.ok(Math.abs(keeper.writtenAt - Date.now() / 1000) < 60);
  assert.deepEqual(readdirSync(folder.path), ["promtap.state"]);
});

test("it is written again and again, and at the end", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "promtap.state");
  let writes = 0;
  {
    await using keeper = await StateKeeper.open(path, new Lines());
    keeper.keep("traffic", async () => [bytes(`${++writes}`)]);
    keeper.begin(1);
    await until("it was written three times", () => writes >= 3);
  }
  assert.deepEqual(sectionsOf(path), { traffic: `${writes}` });
});

test("a run that did not get as far as to count leaves the file as it was", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "promtap.state");
  await writeState(path, { traffic: "one" });
  const before = readFileSync(path);
  await (await StateKeeper.open(path, new Lines()))[Symbol.asyncDispose]();
  assert.deepEqual(readFileSync(path), before);
});

const WRONG: Record<string, (good: Buffer) => Buffer> = {
  empty: () => Buffer.alloc(0),
  foreign: () => Buffer.from("#!/bin/sh\nexec true\n"),
  cut: (good) => good.subarray(0, -1),
  damaged: (good) => Buffer.from(good.map((byte, at) => (at === 20 ? byte ^ 1 : byte))),
};
for (const [what, spoil] of Object.entries(WRONG)) {
  test(`a file that is ${what} is set aside and named, and another one begun`, async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "promtap.state");
    await writeState(path, { traffic: "one" });
    const spoilt = spoil(readFileSync(path));
    writeFileSync(path, spoilt);
    assert.match(await describeState(path), /^state: would begin at 0, because of .*promtap\.state: it is /);
    const log = new Lines();
    const keeper = await StateKeeper.open(path, log);
    const [aside = ""] = readdirSync(folder.path);
    assert.match(aside, /^promtap\.state\.damaged-\d{8}T\d{6}\.\d{3}Z$/);
    assert.deepEqual(readFileSync(join(folder.path, aside)), spoilt);
    assert.equal(log.lines.length, 1);
    assert.ok(
      log.lines[0]!.startsWith("error: couldn't use the state; counts begin at 0 ") && log.lines[0]!.includes(aside),
    );
    keeper.keep("traffic", async () => [bytes("two")]);
    await keeper.write();
    assert.deepEqual(sectionsOf(path), { traffic: "two" });
    assert.equal(keeper.failures, 0);
  });
}

test("of a part that can't be used a copy of the file stays; the others go on", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "promtap.state");
  await writeState(path, { traffic: "one", wialon: "two" });
  const before = readFileSync(path);
  const log = new Lines();
  const keeper = await StateKeeper.open(path, log);
  const refuse = (): never => {
    throw new Error("it counts other things");
  };
  assert.equal(await keeper.resume("traffic", refuse), undefined);
  assert.equal(await keeper.resume("traffic", refuse), undefined);
  assert.equal(await keeper.resume("wialon", (reader) => Buffer.from(reader.bytes(3)).toString()), "two");
  const [, aside = ""] = readdirSync(folder.path).toSorted();
  assert.match(aside, /^promtap\.state\.damaged-/);
  assert.deepEqual(readFileSync(join(folder.path, aside)), before);
  assert.equal(log.lines.length, 2);
  assert.match(
    log.lines[1]!,
    /^error: couldn't use a part of the state; .*"part":"traffic","error":"it counts other th/,
  );
  await keeper.write();
  assert.deepEqual(sectionsOf(path), { wialon: "two" });
  assert.equal(await keeper.resume("wialon", () => 1), undefined);
  assert.match(log.lines[2]!, /"part":"wialon","error":"it has more than there is to it"/);
});

test("it is kept since when sections are counted, until they begin at 0", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "promtap.state");
  await writeState(path, { unknown: "since when" });
  const run = async (read: () => void): Promise<StateKeeper> => {
    const keeper = await StateKeeper.open(path, new Lines());
    for (const name of ["traffic", "unknown"]) {
      await keeper.resume(name, (reader) => {
        read();
        while (reader.hasMore) reader.bytes(1);
      });
      keeper.keep(name, async () => [bytes("counts")]);
    }
    await keeper.write();
    return keeper;
  };
  const beforeSeconds = Date.now() / 1000;
  const first = (await run(() => {})).begunAt("traffic")!;
  assert.ok(first >= beforeSeconds && first <= Date.now() / 1000);
  const second = await run(() => {});
  assert.equal(second.begunAt("traffic"), first);
  assert.equal(second.begunAt("unknown"), undefined);
  const refuse = (): never => {
    throw new Error("it counts other things");
  };
  const third = await run(refuse);
  assert.ok(third.begunAt("traffic")! > first);
  assert.ok(third.begunAt("unknown")! > first);
});

test("what is no regular file is refused in one line, at once", async () => {
  using folder = new TemporaryFolder();
  const fifo = join(folder.path, "fifo");
  execFileSync("mkfifo", [fifo]);
  for (const path of [fifo, folder.path, "/dev/zero", "/dev/null"]) {
    for (const use of [() => StateKeeper.open(path, new Lines()), () => describeState(path)]) {
      await assert.rejects(use, (error) => {
        assert.ok(error instanceof PromtapError);
        assert.equal(error.message, `couldn't use --state ${path}: it is not a regular file; name one, or none yet`);
        return true;
      });
    }
  }
});

test("what can't be written is told once, counted, and tried again", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "later", "promtap.state");
  const log = new Lines();
  const keeper = await StateKeeper.open(path, log);
  keeper.keep("traffic", async () => [bytes("one")]);
  await keeper.write();
  await keeper.write();
  assert.equal(keeper.failures, 2);
  assert.equal(keeper.writtenAt, 0);
  assert.equal(log.lines.length, 1);
  assert.match(log.lines[0]!, /^error: couldn't write the state; .*"error":"no such file or directory"/);
  mkdirSync(join(folder.path, "later"));
  await keeper.write();
  assert.deepEqual(sectionsOf(path), { traffic: "one" });
  assert.match(log.lines[1]!, /^info: writes the state again /);
  keeper.keep("traffic", async () => {
    throw new Error("not now");
  });
  await keeper.write();
  assert.equal(keeper.failures, 3);
  assert.deepEqual(sectionsOf(path), { traffic: "one" });
});

test("a file that another program has written meanwhile is not replaced; one that is gone is made", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "promtap.state");
  const log = new Lines();
  const keeper = await StateKeeper.open(path, log);
  keeper.keep("traffic", async () => [bytes("one")]);
  await keeper.write();
  writeFileSync(path, "another's");
  await keeper.write();
  assert.equal(readFileSync(path, "utf8"), "another's");
  assert.match(log.lines.join("\n"), /another program has written it meanwhile; give each its own/);
  execFileSync("rm", [path]);
  await keeper.write();
  assert.deepEqual(sectionsOf(path), { traffic: "one" });
});

test("what a killed run left of its writing is in nobody's way, and a link stays a link", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "promtap.state");
  const link = join(folder.path, "link");
  await writeState(path, { traffic: "one" });
  symlinkSync(basename(path), link);
  execFileSync("mkfifo", [`${path}.0123abcd.tmp`]);
  await writeState(link, { traffic: "two" });
  assert.deepEqual(sectionsOf(path), { traffic: "two" });
  assert.deepEqual(readdirSync(folder.path).toSorted(), ["link", "promtap.state"]);
});

test("a name alone is in the folder of the unit, if there is one", () => {
  const unit = { STATE_DIRECTORY: "/var/lib/promtap:/var/lib/more" };
  assert.equal(statePath("promtap.state", unit), "/var/lib/promtap/promtap.state");
  assert.equal(statePath("./promtap.state", unit), "./promtap.state");
  assert.equal(statePath("/srv/promtap.state", unit), "/srv/promtap.state");
  assert.equal(statePath("promtap.state", {}), "promtap.state");
});
