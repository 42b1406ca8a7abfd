import type { MemoryBudget } from "../streams/memory-budget.ts";
import { Container, CONTAINER_MARK, type ContainerFault, MAX_UNPACKED_PACKETS } from "./container.ts";
import { crc16 } from "./crc16.ts";
import { endsLine, LineFields, NO_FIELD } from "./line-fields.ts";
import { HAS_CHECKSUM, LENGTH_FIELD, LOGIN, MAX_TYPE_LETTERS, typeOfLetters } from "./packet-type.ts";
import { Version, versionOf } from "./version.ts";

const HASH = 0x23;
const LF = 10;
const CR = 13;
/** Binary data of a line; the protocol says 50 KB a block, but sends firmware in one. */
const MAX_BINARY_BYTES = 256 * 1024 * 1024;
/** What may stand before the type in a datagram: a version and the name of a device. */
const MAX_PREFIX_CHARACTERS = 72;

/** What the parser expects next. */
const State = {
  /** A packet, at the beginning of a line. */
  START: 0,
  /** A `#` wherever it is, or a line. */
  NOISE: 1,
  TYPE: 2,
  TEXT: 3,
  LINE_FEED: 4,
  BINARY: 5,
  CONTAINER: 6,
  /** The end of a line of which nothing more is wanted. */
  LINE_END: 7,
  /** What follows a gap: a packet, or the rest of a line. */
  RESUMED: 8,
  /** The name of the device, in a datagram. */
  PREFIX: 9,
} as const;
type State = (typeof State)[keyof typeof State];

/** Is told what passes. */
export interface PacketListener {
  /** A packet of a known type has begun. */
  began(type: number): void;
  /** It has ended; its facts stand in the parser. Not `isWhole`: what it said last was not seen. */
  ended(parser: LineParser, isWhole: boolean): void;
  /** Something that begins like a packet is none. */
  failed(): void;
  /** A device has named itself: in the login that has begun, or before a packet that begins now. */
  named(device: string): void;
  /** A compressed packet of so many bytes was unpacked, or could not be. */
  unpacked(containerBytes: number, fault: ContainerFault | undefined): void;
}

/**
 * Reads the packets of one direction of a connection, or of datagrams, from pieces of any size. Keeps a few numbers, and
 * nothing of the text but the name of a device; only a compressed packet that comes in pieces is kept until it is whole.
 */
export class LineParser {
  readonly fields = new LineFields();
  /** Of the packet that has begun. */
  type = 0;
  bytes = 0;
  isChecksumWrong = false;
  version: Version = Version.UNKNOWN;
  #listener: PacketListener;
  readonly #budget: MemoryBudget;
  /** What is expected between packets: START in a stream, PREFIX in datagrams. */
  #between: State = State.START;
  #state: State = State.START;
  /** Letters of the type, packed into one number. */
  #letters = 0;
  #letterCount = 0;
  #binaryLeft = 0;
  #binaryCrc = 0;
  #hasLostBinary = false;
  #prefix = "";
  #container: Container | undefined;
  #isUnpacking = false;
  /** How many more packets, right or wrong, are read of what was unpacked; below 0 if one is too many. */
  #unpackedLeft = 0;

  constructor(listener: PacketListener, budget: MemoryBudget) {
    this.#listener = listener;
    this.#budget = budget;
  }

  /** Begins to read for another listener, if it `isIdle`. */
  serve(listener: PacketListener, isDatagram: boolean, version: Version): void {
    this.#listener = listener;
    this.#between = isDatagram ? State.PREFIX : State.START;
    this.#state = this.#between;
    this.version = version;
  }

  /** Whether it is between two packets: all that it knows then is the version. */
  get isIdle(): boolean {
    return this.#state === this.#between && this.#prefix === "";
  }

  /** Reads bytes[at, end), which follow what was read before. Hot; does not allocate for most packets. */
  parse(bytes: Uint8Array, at: number, end: number): void {
    while (at < end) at = this.#step(bytes, at, end);
  }

  /** Reads bytes[at, end) and ends whatever has begun in them, as at the end of a datagram. */
  parseAll(bytes: Uint8Array, at: number, end: number): void {
    this.parse(bytes, at, end);
    this.#finish();
  }

  #finish(): void {
    if (this.#state === State.TEXT || this.#state === State.LINE_FEED) this.#lineEnded();
    else if (this.#state === State.TYPE) this.#listener.failed();
    this.cut();
  }

  /** Goes on behind bytes that nobody will ever see. */
  skip(byteCount: number): void {
    if (this.#state === State.BINARY && byteCount <= this.#binaryLeft) {
      this.#binaryLeft -= byteCount;
      this.#hasLostBinary = true;
      if (this.#binaryLeft === 0) this.#packetEnded();
      return;
    }
    if (this.#state === State.CONTAINER && this.#container!.skip(byteCount)) {
      if (this.#container!.isComplete) this.#containerEnded(NOTHING, 0);
      return;
    }
    this.cut();
    this.#state = State.RESUMED;
  }

  /** Ends what has begun, because nothing follows; what may come next is a beginning. */
  cut(): void {
    const state = this.#state;
    if (state === State.TEXT || state === State.LINE_FEED || state === State.BINARY) this.#listener.ended(this, false);
    if (state === State.CONTAINER) this.#listener.unpacked(0, "lost");
    this.#container?.close();
    this.#prefix = "";
    this.#state = this.#between;
  }

  #step(bytes: Uint8Array, at: number, end: number): number {
    switch (this.#state) {
      case State.TEXT:
        return this.#text(bytes, at, end);
      case State.START:
      case State.NOISE:
        return this.#start(bytes, at, end);
      case State.TYPE:
        return this.#typeLetters(bytes, at, end);
      case State.LINE_FEED:
        return this.#lineFeed(bytes, at);
      case State.BINARY:
        return this.#binary(bytes, at, end);
      case State.CONTAINER:
        return this.#containerData(bytes, at, end);
      case State.LINE_END:
        return this.#lineEnd(bytes, at, end);
      case State.RESUMED:
        this.#state = bytes[at] === HASH ? this.#between : State.LINE_END;
        return at;
      default:
        return this.#prefixCharacter(bytes, at);
    }
  }

  #start(bytes: Uint8Array, at: number, end: number): number {
    let state = this.#state;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === HASH) return this.#beginType(at);
      if (byte === CONTAINER_MARK && state === State.START) return this.#beginContainer(at);
      state = endsLine(byte) ? State.START : State.NOISE;
    }
    this.#state = state;
    return at;
  }

  #beginType(at: number): number {
    this.#unpackedLeft--;
    this.bytes = 1 + this.#prefix.length;
    this.#letters = 0;
    this.#letterCount = 0;
    this.#state = State.TYPE;
    return at + 1;
  }

  #typeLetters(bytes: Uint8Array, at: number, end: number): number {
    for (; at < end; at++) {
      const byte = bytes[at]!;
      this.bytes++;
      if (byte === HASH) {
        this.#typeEnded();
        return at + 1;
      }
      if (endsLine(byte) || ++this.#letterCount > MAX_TYPE_LETTERS) {
        this.#fail();
        return at;
      }
      this.#letters = (this.#letters << 8) | byte;
    }
    return at;
  }

  #typeEnded(): void {
    const type = typeOfLetters(this.#letters, this.#letterCount);
    if (type < 0) {
      this.#fail();
      return;
    }
    this.type = type;
    this.isChecksumWrong = false;
    this.fields.begin(type === LOGIN ? 0 : LENGTH_FIELD[type]!);
    this.#state = State.TEXT;
    this.#listener.began(type);
  }

  #fail(): void {
    this.#listener.failed();
    this.#state = State.LINE_END;
  }

  #text(bytes: Uint8Array, at: number, end: number): number {
    const { fields } = this;
    const stop = fields.read(bytes, at, end);
    this.bytes += stop - at;
    if (this.type === LOGIN && fields.wanted !== NO_FIELD && fields.index > fields.wanted) this.#readLogin();
    if (stop === end || !endsLine(bytes[stop]!)) return stop;
    this.bytes++;
    if (bytes[stop] === CR) this.#state = State.LINE_FEED;
    else this.#lineEnded();
    return stop + 1;
  }

  /** `imei;password`, or `2.0;imei;password;checksum`: what no field follows is no name, it may be the password. */
  #readLogin(): void {
    const { fields } = this;
    const { text } = fields;
    const version = fields.wanted === 0 ? versionOf(text) : undefined;
    if (fields.wanted === 0) this.version = version ?? Version.WITHOUT_CHECKSUM;
    if (version === undefined) this.#listener.named(text);
    fields.text = "";
    fields.wanted = version === undefined ? NO_FIELD : 1;
  }

  #lineFeed(bytes: Uint8Array, at: number): number {
    const isLineFeed = bytes[at] === LF;
    if (isLineFeed) this.bytes++;
    this.#lineEnded();
    return isLineFeed ? at + 1 : at;
  }

  #lineEnded(): void {
    const { type, fields } = this;
    const isAnnounced = LENGTH_FIELD[type]! >= 0;
    const length = isAnnounced ? lengthOf(fields.text) : 0;
    if (length > 0) {
      this.#binaryLeft = length;
      this.#binaryCrc = 0;
      this.#hasLostBinary = false;
      this.#state = State.BINARY;
      return;
    }
    if (length < 0) this.#listener.failed();
    if (!isAnnounced && HAS_CHECKSUM[type] === 1) this.#judgeChecksum(fields.isChecksummed());
    this.#packetEnded();
  }

  #packetEnded(): void {
    this.#prefix = "";
    this.#state = this.#between;
    this.#listener.ended(this, true);
  }

  /** A checksum that is right shows that the version has one, if the login was not seen. */
  #judgeChecksum(isRight: boolean): void {
    if (this.version === Version.WITHOUT_CHECKSUM) return;
    if (isRight) this.version = Version.WITH_CHECKSUM;
    else this.isChecksumWrong = this.version === Version.WITH_CHECKSUM;
  }

  #binary(bytes: Uint8Array, at: number, end: number): number {
    const stop = Math.min(end, at + this.#binaryLeft);
    this.#binaryLeft -= stop - at;
    this.bytes += stop - at;
    if (this.version !== Version.WITHOUT_CHECKSUM) this.#binaryCrc = crc16(this.#binaryCrc, bytes, at, stop);
    if (this.#binaryLeft > 0) return stop;
    const { fields } = this;
    const hasChecksum = fields.index > LENGTH_FIELD[this.type]!;
    if (!this.#hasLostBinary) this.#judgeChecksum(hasChecksum && fields.checksum() === this.#binaryCrc);
    this.#packetEnded();
    return stop;
  }

  #lineEnd(bytes: Uint8Array, at: number, end: number): number {
    while (at < end && !endsLine(bytes[at]!)) at++;
    if (at < end) this.#state = this.#between;
    return at;
  }

  #prefixCharacter(bytes: Uint8Array, at: number): number {
    const byte = bytes[at]!;
    if (byte === HASH) {
      this.#readPrefix();
      return this.#beginType(at);
    }
    if (byte === CONTAINER_MARK && this.#prefix === "") return this.#beginContainer(at);
    if (endsLine(byte)) this.#prefix = "";
    else if (this.#prefix.length < MAX_PREFIX_CHARACTERS) this.#prefix += String.fromCharCode(byte);
    return at + 1;
  }

  /** `imei`, or `2.0;imei`; nothing in answers. */
  #readPrefix(): void {
    if (this.#prefix === "") return;
    const [first = "", second = ""] = this.#prefix.split(";");
    const version = versionOf(first);
    this.version = version ?? Version.UNKNOWN;
    const device = version === undefined ? first : second;
    if (device !== "") this.#listener.named(device);
  }

  #beginContainer(at: number): number {
    if (this.#isUnpacking) {
      this.#state = State.LINE_END;
      return at + 1;
    }
    this.#container ??= new Container(this.#budget);
    this.#container.begin();
    this.#state = State.CONTAINER;
    return at + 1;
  }

  #containerData(bytes: Uint8Array, at: number, end: number): number {
    const stop = this.#container!.take(bytes, at, end);
    if (this.#container!.isComplete) this.#containerEnded(bytes, stop);
    return stop;
  }

  #containerEnded(bytes: Uint8Array, end: number): void {
    const container = this.#container!;
    const text = container.unpack(bytes, end);
    container.close();
    this.#state = this.#between;
    if (typeof text === "string") {
      this.#listener.unpacked(container.length, text);
      return;
    }
    this.#listener.unpacked(container.length, undefined);
    this.#isUnpacking = true;
    this.#unpackedLeft = MAX_UNPACKED_PACKETS;
    let at = 0;
    while (at < text.length && this.#unpackedLeft >= 0) at = this.#step(text, at, text.length);
    this.#isUnpacking = false;
    if (this.#unpackedLeft >= 0) {
      this.#finish();
      return;
    }
    // The packet that is one too many has just begun.
    this.#state = this.#between;
    this.cut();
    this.#listener.unpacked(0, "too_large");
  }
}

const NOTHING = new Uint8Array(0);

/** A length that a line announces; -1 if it is none. */
function lengthOf(text: string): number {
  const length = /^[0-9]{1,9}$/.test(text) ? Number(text) : -1;
  return length > MAX_BINARY_BYTES ? -1 : length;
}
