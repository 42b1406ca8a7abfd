import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { promisify } from "node:util";

import { loadCap } from "../../src/native/cap.ts";
import { lacking } from "../support/requirements.ts";

const execute = promisify(execFile);
const addon = new URL("../../.cache/addons/cap.node", import.meta.url);

/** A machine may lack what building it needs; in CI it must be there. */
const unbuilt = !existsSync(addon) && !process.env["CI"] && "cap.node could not be built";

/**
 * Runs a program that has `Cap`, and `ip` to change interfaces, in a network namespace and a process of its own,
 * because a defect in native code ends it. Returns its standard output.
 */
async function runNative(body: string): Promise<string> {
  const source = `
    import { execFileSync } from "node:child_process";
    import { loadCap } from "./src/native/cap.ts";
    const { Cap } = loadCap();
    const ip = (args) => execFileSync("ip", args.split(" "));
    ${body}`;
  const cwd = new URL("../..", import.meta.url);
  const node = [process.execPath, "--expose-gc", "--input-type=module-typescript", "-e", source];
  const { stdout, stderr } = await execute("unshare", ["--net", ...node], { cwd });
  assert.equal(stderr, "");
  return stdout;
}

describe("cap with libpcap inside", { skip: lacking("root", "ip", "unshare", "readelf") || unbuilt }, () => {
  test("captures a datagram on the loopback interface", async () => {
    const { Cap } = loadCap();
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    const capture = new Cap();
    const buffer = Buffer.alloc(65536);
    try {
      assert.equal(capture.open("lo", `udp dst port ${port}`, 1 << 20, buffer), "ETHERNET");
      const frame = new Promise<Buffer>((resolve) => {
        capture.on("packet", (capturedBytes, truncated) => {
          assert.equal(truncated, false);
          resolve(Buffer.from(buffer.subarray(0, capturedBytes)));
        });
      });
      socket.send("promtap", port, "127.0.0.1");
      // Ethernet 14, IPv4 20 and UDP 8 bytes before the payload
      assert.equal((await frame).subarray(42).toString(), "promtap");
    } finally {
      capture.close();
      socket.close();
    }
  });

  test("needs no libpcap on the machine", async () => {
    const { stdout } = await execute("readelf", ["--dynamic", addon.pathname]);
    assert.match(stdout, /\(NEEDED\).*libc\.so\.6/);
    assert.doesNotMatch(stdout, /libpcap/);
  });

  test("is hardened: canaries on the stack, checked functions, and addresses that can't be changed", async () => {
    const { stdout } = await execute("readelf", [
      "--dynamic",
      "--program-headers",
      "--dyn-syms",
      "--wide",
      addon.pathname,
    ]);
    for (const sign of [/ GNU_RELRO /, /\(FLAGS\) +BIND_NOW/, / __stack_chk_fail@/, / __memcpy_chk@/]) {
      assert.match(stdout, sign);
    }
    assert.doesNotMatch(stdout, / GNU_STACK .* RWE /);
  });

  test("says why an interface can't be opened, and survives collecting the failed capture", async () => {
    const output = await runNative(`
      for (let i = 0; i < 100; i++) {
        try { new Cap().open("nonexistent0", "", 65536, Buffer.alloc(65536)); }
        catch (error) { if (i === 0) console.log(error.message); }
      }
      gc(); setImmediate(() => { gc(); console.log("alive"); });`);
    assert.match(output, /^.*No such device exists.*\nalive\n$/);
  });

  test("leaves no handle in the event loop when it is closed and collected", async () => {
    const output = await runNative(`
      ip("link set lo up");
      const open = () => { const c = new Cap(); c.open("lo", "", 65536, Buffer.alloc(65536)); c.close(); };
      for (let round = 0; round < 4; round++) {
        for (let i = 0; i < 5; i++) open();
        await new Promise(setImmediate);
        gc();
      }
      console.log(process.report.getReport().libuv.filter(({ type }) => type === "poll").length);`);
    assert.equal(output, "0\n");
  });

  test("survives that the interface vanishes, and writes no warning for one without an IPv4 address", async () => {
    const output = await runNative(`
      const capture = new Cap();
      ip("link add promtap0 type veth peer name promtap1");
      ip("link set promtap0 up");
      capture.open("promtap0", "", 65536, Buffer.alloc(65536));
      ip("link del promtap0");
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      capture.close();
      console.log("alive");`);
    assert.equal(output, "alive\n");
  });
});
