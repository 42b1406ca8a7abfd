import assert from "node:assert/strict";
import { test } from "node:test";
import { cpio } from "../../../scripts/kernels/cpio.ts";

/** Of a header: magic number, then inode, mode, owner, group, links, time, bytes, four of devices, bytes of the name, sum. */
function header(inode: string, mode: string, bytes: string, nameBytes: string): string {
  const zero = "00000000";
  const fields = [inode, mode, zero, zero, "00000001", zero, bytes, zero, zero, zero, zero, nameBytes, zero];
  return `070701${fields.join("")}`;
}

test("an archive is as the kernel's initramfs buffer format has it, every part padded to four bytes", () => {
  const archive = cpio([{ path: "bin" }, { path: "bin/a", content: Buffer.from("hello") }]);
  assert.equal(
    archive.toString("latin1"),
    [
      header("00000001", "000041ed", "00000000", "00000004") + "bin\0\0\0",
      header("00000002", "000081ed", "00000005", "00000006") + "bin/a\0",
      "hello\0\0\0",
      header("00000000", "00000000", "00000000", "0000000b") + "TRAILER!!!\0\0\0\0",
    ].join(""),
  );
});
