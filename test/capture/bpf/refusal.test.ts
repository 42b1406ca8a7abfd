import assert from "node:assert/strict";
import { test } from "node:test";
import { capabilitiesToLoad } from "../../../src/capture/bpf/refusal.ts";

test("a kernel that puts no barriers against speculation into programs takes ours with CAP_PERFMON alone", () => {
  for (const kernel of [
    "5.12.0",
    "5.15.0-91-generic",
    "6.1.0-50-cloud-amd64",
    "6.12.117+deb13-cloud-amd64",
    "6.16.12",
  ]) {
    assert.deepEqual(capabilitiesToLoad(kernel), ["CAP_BPF", "CAP_PERFMON"], kernel);
  }
  for (const kernel of ["6.17.0-5-generic", "6.18.44", "7.0.0"]) {
    assert.deepEqual(capabilitiesToLoad(kernel), ["CAP_BPF"], kernel);
  }
});
