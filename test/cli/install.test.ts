import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { otherService, ownService } from "../../src/cli/install/service.ts";
import { refuseUnseen } from "../../src/cli/install/unseen-files.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const here = (path: string): string => path;

test("what is wrong with the words of install, upgrade and uninstall is told before anything is done", () => {
  for (const [args, message] of [
    [
      ["install", "-i", "eth0"],
      /^install does not take "-i"; it takes --dry-run, --force, --as, --root; flags of the service go behind --$/m,
    ],
    [["install", "--as", "moon"], /^--as "moon": there are promacct, iptables_exporter, /],
    [["install", "--root"], /^--root needs a value$/m],
    [["install", "--root=/nowhere", "--", "--interfaze=eth0"], /^unknown flag --interfaze; did you mean --interface\?/],
    [["install", "--root=/nowhere", "--", "--once"], /^--once is not for a service$/m],
    [["install", "--root=/nowhere", "--as", "flow-exporter", "--", "-moon"], /^flag provided but not defined: -moon$/m],
    [["upgrade"], /^upgrade needs a file$/m],
    [["upgrade", "a", "b"], /^upgrade does not take "b"/],
    [["upgrade", "a", "--sha256=0"], /^--sha256 0: needs 64 hexadecimal digits$/m],
    [["upgrade", "a", "--", "-i"], /^upgrade takes nothing behind --$/m],
    [
      ["uninstall", "promtap"],
      /^uninstall does not take "promtap"; it takes --dry-run, --force, --purge, --as, --root$/m,
    ],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
    assert.match(stderr, message);
    assert.equal(status, 2);
  }
});

describe("a service", () => {
  test("is passed its socket if systemd can listen where the flags say", async () => {
    const { words, streams } = await ownService(["-ieth0", "-p", "80", "--geoip=false", "-r10.0.0.0/24:a=b c"], here);
    assert.deepEqual(streams, ["80"]);
    assert.deepEqual(words, ["--interface=eth0", "--range=10.0.0.0/24:a=b c", "--web.systemd-socket", "--geoip=false"]);
    const named = await ownService(["--web.listen-address=localhost:80"], here);
    assert.deepEqual([named.words, named.streams], [["--web.listen-address=localhost:80"], undefined]);
  });

  test("has its socket where its configuration file says, which stays where it is", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "promtap.yml");
    writeFileSync(path, "interfaces: [eth0]\n");
    assert.deepEqual((await ownService([`--config.file=${path}`], here)).streams, ["9112"]);
    writeFileSync(path, "web:\n  listen: ['127.0.0.1:80']\n");
    const { words, streams } = await ownService([`--config.file=${path}`], here);
    assert.deepEqual([words, streams], [[`--config.file=${path}`, "--web.systemd-socket"], ["127.0.0.1:80"]]);
    const inImage = await ownService(["--config.file=/promtap.yml"], (each) => join(folder.path, each));
    assert.deepEqual(
      [inImage.words, inImage.streams],
      [["--config.file=/promtap.yml", "--web.systemd-socket"], streams],
    );
  });

  test("of another program has the words of that one", () => {
    const { words, streams } = otherService("promacct", ["-i", "eth0", "-p", "9113"]);
    assert.deepEqual([words, streams], [["-i", "eth0", "-p", "9113"], ["9113"]]);
    assert.throws(() => otherService("promacct", ["-x"]), { code: "USAGE" });
  });

  test("is refused files that it can't see, read or write", async () => {
    const refused = async (flag: string, path: string, message: RegExp): Promise<void> =>
      assert.rejects(refuseUnseen("promtap", new Map([[flag, [path]]])), { message });
    await refused("range-file", "ranges.csv", /^--range-file ranges\.csv: a service needs the whole path$/);
    await refused("range-file", "/home/me/a.csv", /: the service has another \/home\/$/);
    await refused("web.config.file", "/root/web.yml", /: the service has another \/root\/$/);
    await refused(
      "web.config.file",
      "/run/credentials/a.service/web.yml",
      /: of credentials the service sees .* alone$/,
    );
    await refused(
      "web.config.file",
      "/etc/shadow",
      /the service's user may not read it; chmod o\+r, or LoadCredential= /,
    );
    await refused("state", "/srv/state", /may write in \/var\/lib\/promtap alone, such as \/var\/lib\/promtap\/state$/);
    await refuseUnseen(
      "promtap",
      new Map([
        ["state", ["promtap.state"]],
        ["range-file", ["/etc/hostname"]],
      ]),
    );
    await refuseUnseen("promtap", new Map([["web.config.file", ["/run/credentials/promtap.service/web.yml"]]]));
  });
});
