import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineName } from "../../src/capture/engine.ts";
import { selectEngine } from "../../src/capture/select.ts";
import { ErrorCode, PromtapError } from "../../src/errors.ts";
import { descriptorLimit } from "../../src/native/descriptors.ts";
import { FileLimit } from "../support/file-limit.ts";
import { FakeKind } from "./fake-engine.ts";

function kind(name: EngineName, refusal?: string): FakeKind {
  return Object.assign(new FakeKind(), { name, refusal });
}

test("auto takes the best that works, and tells why better ones were refused", async () => {
  const [ring, pcap] = [kind("ring", "CAP_NET_RAW is missing"), kind("pcap")];
  assert.deepEqual(await selectEngine("auto", [ring, pcap]), {
    kind: pcap,
    refusals: ["engine ring: CAP_NET_RAW is missing"],
  });
  ring.refusal = undefined;
  assert.deepEqual(await selectEngine("auto", [ring, pcap]), { kind: ring, refusals: [] });
});

test("what is asked for by name is taken though there is a better one, which is not even tried", async () => {
  const [ring, pcap] = [kind("ring"), kind("pcap")];
  ring.probe = () => assert.fail("tried");
  assert.deepEqual(await selectEngine("pcap", [ring, pcap]), { kind: pcap, refusals: [] });
});

test("what is asked for by name is not replaced by another", async () => {
  await assert.rejects(
    selectEngine("ring", [kind("ring", "CAP_NET_RAW is missing"), kind("pcap")]),
    new PromtapError(ErrorCode.HOST, "engine ring: CAP_NET_RAW is missing"),
  );
});

test("what several advise stands once, at the end of the line", async () => {
  await assert.rejects(
    selectEngine("auto", [
      kind("bpf", "no bpf"),
      kind("ring", "no ring; run as root"),
      kind("pcap", "no pcap; run as root"),
    ]),
    new PromtapError(ErrorCode.HOST, "engine bpf: no bpf; engine ring: no ring; engine pcap: no pcap; run as root"),
  );
});

test("if none works the error has the reason of each", async () => {
  await assert.rejects(
    selectEngine("auto", [kind("ring", "no ring"), kind("pcap", "no pcap")]),
    new PromtapError(ErrorCode.HOST, "engine ring: no ring; engine pcap: no pcap"),
  );
});

test("auto takes what has the descriptors for all interfaces, and else what needs the fewest", async () => {
  using _limit = new FileLimit(200);
  const most = descriptorLimit();
  const [bpf, ring, pcap] = [kind("bpf"), kind("ring"), kind("pcap")];
  bpf.descriptors = most;
  ring.descriptors = 2;
  pcap.descriptors = 1;
  const { kind: fitting, refusals } = await selectEngine("auto", [bpf, ring, pcap], 3);
  assert.equal(fitting, ring);
  assert.equal(refusals.length, 1);
  assert.match(
    refusals[0]!,
    new RegExp(`^engine bpf: needs ${3 * most} descriptors: too many open files: ${most} may be`),
  );

  const { kind: smallest, refusals: all } = await selectEngine("auto", [bpf, ring, pcap], most);
  assert.equal(smallest, pcap);
  assert.deepEqual(
    all.map((refusal) => refusal.split(":")[0]),
    ["engine bpf", "engine ring"],
  );
});

test("what is asked for by name is taken though descriptors are too few", async () => {
  using _limit = new FileLimit(200);
  const bpf = kind("bpf");
  bpf.descriptors = descriptorLimit();
  assert.deepEqual(await selectEngine("bpf", [bpf], 3), { kind: bpf, refusals: [] });
});
