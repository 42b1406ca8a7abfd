import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Captured, pcap } from "../../capture/savefile/captures.ts";
import { ACK, type Fields, frameOf, SYN } from "../../collectors/wialon/wire.ts";
import { Page } from "../../support/page.ts";
import { PROMTAP, runPromtap } from "../../support/promtap.ts";
import { lacking } from "../../support/requirements.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";

const ADDRESSES = { source: "10.0.0.1", destination: "10.0.0.9", sourcePort: 4000 };
const PACKETS = 'wialon_ips_packets_total{type="P",src_ip="10.0.0.1",dst_ip="10.0.0.9"}';

function tcp(sequence: number, text: string, port = 20332): Captured {
  const flags = text === "" ? SYN : ACK;
  const fields: Fields = {
    ...ADDRESSES,
    destinationPort: port,
    payload: Buffer.from(text),
    tcp: { sequence, acknowledgment: 0, flags },
  };
  return { bytes: [...frameOf(fields)] };
}

function udp(text: string): Captured {
  return { bytes: [...frameOf({ ...ADDRESSES, destinationPort: 20332, payload: Buffer.from(text) })] };
}

/** Three lines on the port, one on another, a datagram, and a line behind a hole. */
const FRAMES = [
  tcp(1, ""),
  tcp(2, "#P#\r\n"),
  tcp(7, "#P#\r\n"),
  tcp(7, "#P#\r\n"),
  tcp(1, "#P#\r\n", 80),
  udp("i#P#\r\n"),
  tcp(17, "#P#\r\n"),
];
const FILE = Uint8Array.from(pcap({ order: "little" }, FRAMES).flat());

function pageFrom(input: Uint8Array | undefined, args: readonly string[]): Page {
  const [program = "", ...more] = [...PROMTAP, "--wialon", "--once", "--log.level=error", ...args];
  const { status, stdout, stderr } = spawnSync(program, more, { input, encoding: "utf8" });
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return new Page(stdout);
}

describe("--wialon", { skip: lacking("libpcap") }, () => {
  test("counts a file or standard input in one pass with the traffic", () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "trackers.pcap");
    writeFileSync(path, FILE);
    for (const page of [pageFrom(undefined, ["--read", path]), pageFrom(FILE, ["--read", "-"])]) {
      assert.equal(page.value(PACKETS), 3);
      assert.equal(page.value('wialon_ips_skipped_bytes_total{reason="lost"}'), 5);
      assert.equal(page.value("wialon_ips_raw_packets_total"), 4);
      assert.equal(page.sum("promacct_packet_size_bytes_all_count"), FRAMES.length);
    }
  });

  test("takes of a file what the filter passes", () => {
    const page = (filter: string) => pageFrom(FILE, ["--read", "-", "--wialon-filter", filter]);
    assert.equal(page("port 20332").value(PACKETS), 4);
    assert.equal(page("udp port 20332").value(PACKETS), 1);
    assert.equal(page("tcp").value(PACKETS), 4);
  });

  test("takes packets of a link type that libpcap has no filters for", () => {
    // LINKTYPE_NFLOG: family, version, resource; then the packet in an attribute of type 9.
    const nflog = FRAMES.map(({ bytes }) => {
      const packet = bytes.slice(14);
      const attribute = [(packet.length + 4) & 0xff, (packet.length + 4) >> 8, 9, 0];
      return { bytes: [2, 0, 0, 0, ...attribute, ...packet] };
    });
    const file = Uint8Array.from(pcap({ order: "little", linkType: 239 }, nflog).flat());
    assert.equal(pageFrom(file, ["--read", "-"]).value(PACKETS), 3);
    assert.equal(pageFrom(file, ["--read", "-", "--wialon-filter", "udp"]).value(PACKETS), 1);
    const none = pageFrom(file, ["--read", "-", "--wialon-filter", "ether host 02:00:00:00:00:01"]);
    assert.equal(none.value(PACKETS), undefined);
  });

  test("refuses an illegal filter, and says what it would do", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "trackers.pcap");
    writeFileSync(path, FILE);
    const illegal = await runPromtap(undefined, ["--wialon", "--read", path, "--once", "--wialon-filter", "tcp prt 1"]);
    assert.equal(illegal.status, 2);
    assert.match(illegal.stderr, /invalid --wialon-filter "tcp prt 1": .*syntax error/);
    const check = await runPromtap(undefined, ["--wialon", "--read", path, "--check"]);
    assert.equal(check.status, 0);
    assert.match(check.stdout, /^would read Wialon IPS in frames that match tcp port 20332$/m);
  });
});
