import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configOf } from "../../src/daemon/config.ts";
import { dumpPrograms } from "../../src/daemon/program-dump.ts";
import { end, MAIN, start } from "../cli/program.ts";
import { lacking } from "../support/requirements.ts";

type Given = Record<string, string[]>;

/** The instructions and labels of one program, and its first line. */
async function dump(given: Given): Promise<{ title: string; text: string }> {
  const flags = { check: [""], "dump-program": [""], interface: ["lo"], ...given };
  const [title, ...lines] = await dumpPrograms(configOf(new Map(Object.entries(flags))));
  return { title: title!, text: lines.join("\n") };
}

describe("the program that is printed", () => {
  test("is that of the engine", async () => {
    const socket = await dump({});
    assert.equal(socket.title, "; engine bpf on lo");
    assert.doesNotMatch(socket.text, /; engine/);
    assert.deepEqual(await dump({ engine: ["bpf"] }), socket);
    const tcx = await dump({ engine: ["tcx"] });
    assert.equal(tcx.title, "; engine tcx on lo");
    // A socket keeps nothing of a packet, and traffic goes on to the next program.
    assert.deepEqual(new Set(socket.text.match(/r0 = -?\d+\n *\d+: \(95\) exit/g)?.map(answer)), new Set(["0"]));
    assert.deepEqual(new Set(tcx.text.match(/r0 = -?\d+\n *\d+: \(95\) exit/g)?.map(answer)), new Set(["-1"]));
  });

  test("has the ranges, and what else is counted", async () => {
    const plain = await dump({});
    const ranged = await dump({ range: ["10.1.2.0/24"] });
    assert.doesNotMatch(plain.text, /map\[rows\]/);
    assert.match(ranged.text, /if w1 < 0xa010200 goto source_done\n *\d+: \(a6\) if w1 < 0xa010300 goto/);
    // Few addresses have all their slots from the start, and are not looked up.
    assert.doesNotMatch(ranged.text, /map\[rows\]/);
    assert.match((await dump({ range: ["10.1.0.0/16"] })).text, /map\[rows\]/);
    assert.match((await dump({ by: ["country"] })).text, /map\[country_directory4\]/);
    assert.match((await dump({ "wire-sizes": [""] })).text, /^unfold:$/m);
  });

  test("is one for Ethernet as long as no interface is there", async () => {
    const { title, text } = await dump({ interface: ["no-such-*"] });
    assert.equal(title, "; engine bpf on an interface with Ethernet headers");
    assert.match(text, /^both_headers:$/m);
  });

  test("is refused if its ranges are too many for one", async () => {
    const range = Array.from({ length: 7000 }, (_, index) => `10.${index >> 8}.${index & 0xff}.1`);
    await assert.rejects(dump({ range }), { code: "HOST", message: /^too many ranges for one program: / });
  });

  test("needs no right", { skip: lacking("root", "setpriv") }, async () => {
    const prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    const { status, stdout, stderr } = await end(start([MAIN, "check", "--dump-program", "-i", "lo"], prefix));
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    assert.match(stdout, /^; engine bpf on lo\n[^]*\(95\) exit\n/);
  });
});

function answer(end: string): string {
  return /r0 = (-?\d+)/.exec(end)![1]!;
}
