import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { topOptionsOf } from "../../src/top/options.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

test("flags of top are told from those of a capture", async () => {
  const { flags, isOnce } = await topOptionsOf(["--once", "-i", "eth0", "--by", "country"]);
  assert.deepEqual([flags, isOnce], [["-i", "eth0", "--by", "country"], true]);
});

test("a password is the text of a file, without the end of its line", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "password");
  writeFileSync(path, "se cret\n");
  const options = await topOptionsOf(["--url=https://a:1", "--user", "me", `--password-file=${path}`]);
  assert.deepEqual([options.url, options.user, options.password], ["https://a:1", "me", "se cret"]);
});

for (const [words, message] of [
  [["--url"], /--url needs a value/],
  [["--url", "ftp://a"], /must be http/],
  [["--url", "http://a", "-i", "eth0"], /-i is for a capture of its own/],
  [["--user", "me"], /--user needs --url/],
  [["--url", "http://a", "--user", "me"], /need each other/],
  [["--once", "--once"], /--once is given more than once/],
  [["--url", "https://a", "--cert", "/dev/null"], /--cert and --key need each other/],
  [["--json"], /--json needs --once/],
  [["--url", "http://a", "--ca", "/nowhere"], /couldn't read \/nowhere of --ca/],
  [["--url", "http://a", "--ca", "/dev/zero"], /couldn't read \/dev\/zero of --ca/],
] as const) {
  test(`${words.join(" ")} is refused`, async () => {
    await assert.rejects(topOptionsOf(words), message);
  });
}
