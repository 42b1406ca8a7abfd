import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import type { FrameSink } from "../../../src/capture/engine.ts";
import { openPcapEngine } from "../../../src/capture/pcap/pcap-engine.ts";
import { ErrorCode, PromtapError } from "../../../src/errors.ts";
import type { CapModule } from "../../../src/native/cap.ts";
import { type Packet, Verdict } from "../../../src/packet/packet.ts";
import { arpFrame, ipv4Frame, PROTOCOL_UDP, tagged } from "../../support/frames.ts";
import { PROMTAP } from "../../support/promtap.ts";
import { lacking } from "../../support/requirements.ts";
import { until } from "../../support/waiting.ts";

type Listener = (capturedBytes: number, isTruncated: boolean) => void;
type Open = (device: string, filter: string) => string;

/** A `cap` whose frames come from the test. */
class FakeCap {
  closed = 0;
  readonly module: CapModule;
  #emit: (bytes: readonly number[]) => void = () => {};

  constructor(open: Open) {
    const started = (buffer: Buffer, listener: Listener): void => {
      this.#emit = (bytes) => {
        buffer.set(bytes);
        listener(bytes.length, false);
      };
    };
    const ended = (): void => void this.closed++;
    this.module = {
      Cap: class {
        #buffer: Buffer = Buffer.alloc(0);

        open(device: string, filter: string, _bufferBytes: number, buffer: Buffer): string {
          this.#buffer = buffer;
          return open(device, filter);
        }

        on(_event: "packet", listener: Listener): this {
          started(this.#buffer, listener);
          return this;
        }

        close(): boolean {
          ended();
          return true;
        }
      },
    };
  }

  emit(bytes: readonly number[]): void {
    this.#emit(bytes);
  }
}

/** Keeps what it is told, as text, because the record is reused. */
class Recorder implements FrameSink {
  readonly seen: string[] = [];

  record(packet: Packet): void {
    const protocol = packet.verdict === Verdict.IP ? ` protocol ${packet.protocol}` : "";
    this.seen.push(`verdict ${packet.verdict} ${packet.lengthBytes} B${protocol}`);
  }
}

function errorOf(open: Open, filter: string): PromtapError {
  try {
    openPcapEngine("eth7", filter, new Recorder(), new FakeCap(open).module);
  } catch (error) {
    assert.ok(error instanceof PromtapError, String(error));
    return error;
  }
  throw new Error("it opened");
}

function failing(message: string): Open {
  return () => {
    throw new Error(message);
  };
}

test("every frame is parsed by its link type and recorded with its layer-3 length", () => {
  const fake = new FakeCap(() => "ETHERNET");
  const sink = new Recorder();
  openPcapEngine("eth0", "", sink, fake.module);
  const udp = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_UDP, lengthBytes: 64 });
  fake.emit(udp.bytes);
  fake.emit(arpFrame().bytes);
  fake.emit(tagged(udp, 7).bytes);
  fake.emit(udp.bytes.slice(0, 20));
  assert.deepEqual(sink.seen, [
    `verdict ${Verdict.IP} 64 B protocol 17`,
    `verdict ${Verdict.NOT_IP} 28 B`,
    `verdict ${Verdict.IP} 64 B protocol 17`,
    `verdict ${Verdict.TRUNCATED} 6 B`,
  ]);
});

test("frames of an interface without a link header are read from their first byte", () => {
  const fake = new FakeCap(() => "RAW");
  const sink = new Recorder();
  openPcapEngine("tun0", "", sink, fake.module);
  const udp = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_UDP, lengthBytes: 64 });
  fake.emit(udp.bytes.slice(14));
  assert.deepEqual(sink.seen, [`verdict ${Verdict.IP} 64 B protocol 17`]);
});

test("frames of a link type that is not known are counted whole", () => {
  const fake = new FakeCap(() => "Unknown linktype 195");
  const sink = new Recorder();
  openPcapEngine("wpan0", "", sink, fake.module);
  fake.emit([1, 2, 3]);
  assert.deepEqual(sink.seen, [`verdict ${Verdict.UNKNOWN_LINK} 3 B`]);
});

test("disposing closes the capture, and the losses can still be read", async () => {
  const fake = new FakeCap(() => "ETHERNET");
  const engine = openPcapEngine("eth0", "", new Recorder(), fake.module);
  await engine[Symbol.asyncDispose]();
  assert.equal(fake.closed, 1);
  assert.deepEqual(engine.losses(), { packets: 0 });
});

test("a missing capability is called by its name", () => {
  const error = errorOf(failing("socket: Operation not permitted"), "udp");
  assert.equal(error.code, ErrorCode.HOST);
  assert.match(
    error.message,
    /^couldn't open eth7: CAP_NET_RAW is missing; run as root, or give the capability \(.+\)$/,
  );
});

test("any other refusal is told in libpcap's words", () => {
  const error = errorOf(failing("That device is not up"), "udp");
  assert.equal(error.code, ErrorCode.HOST);
  assert.equal(error.message, "couldn't open eth7: That device is not up");
});

test("a filter that libpcap does not take is a mistake in --pcap.filter, in libpcap's words", () => {
  const open: Open = (_device, filter) => {
    if (filter === "") return "ETHERNET";
    throw new Error("can't parse filter expression: syntax error");
  };
  const error = errorOf(open, 'udp "and');
  assert.equal(error.code, ErrorCode.USAGE);
  assert.equal(
    error.message,
    'invalid --pcap.filter "udp \\"and": can\'t parse filter expression: syntax error; legal is an expression of pcap-filter(7)',
  );
});

const options = { skip: lacking("root", "libpcap") };
const withoutProc = { skip: lacking("root", "libpcap", "unshare") };

test("libpcap itself refuses a filter of nonsense, and an interface that is not there", options, () => {
  const open = (name: string, filter: string) => () => openPcapEngine(name, filter, new Recorder());
  assert.throws(open("lo", "udp and"), {
    code: ErrorCode.USAGE,
    message: /^invalid --pcap.filter "udp and": .*syntax/,
  });
  assert.throws(open("promtap-none", ""), {
    code: ErrorCode.HOST,
    message: /^couldn't open promtap-none: No such device/,
  });
});

test("capture works where /proc is missing, but for the count of losses", withoutProc, () => {
  const script = 'mount -t tmpfs tmpfs /proc; exec "$@"';
  const args = ["--mount", "/bin/sh", "-ec", script, "sh", ...PROMTAP, "--engine", "pcap", "-i", "lo", "--once"];
  const { status, stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8", timeout: 20_000 });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^promtap_interface_up\{interface="lo"\} 1$/m);
});

test("datagrams over loopback are recorded once each, and what the filter leaves out is not", options, async () => {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  const sink = new Recorder();
  const engine = openPcapEngine("lo", `udp dst port ${port} and udp[4:2] > 8`, sink);
  // Without payload: the filter leaves them out.
  const payloads = [100, 0, 1, 1400, 0].map((lengthBytes) => Buffer.alloc(lengthBytes));
  for (const payload of payloads) socket.send(payload, port, "127.0.0.1");
  await until("three datagrams are recorded", () => sink.seen.length >= 3);
  await engine[Symbol.asyncDispose]();
  socket.close();
  // IPv4 and UDP headers are 28 bytes.
  assert.deepEqual(
    sink.seen,
    [128, 29, 1428].map((lengthBytes) => `verdict ${Verdict.IP} ${lengthBytes} B protocol 17`),
  );
  assert.deepEqual(engine.losses(), { packets: 0 });
});
