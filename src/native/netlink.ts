/*
 * What the families of netlink have in common (man 7 netlink). Pure: bytes in, messages out.
 *
 *   nlmsghdr: 0 length u32 | 4 type u16 | 6 flags u16 | 8 sequence | 12 port
 *   nlattr:   0 length u16 | 2 type u16 | 4 value, padded to 4 bytes
 */
export const AF_NETLINK = 16;
export const NLM_F_REQUEST = 0x001;
export const NLM_F_DUMP = 0x300;
const NLM_F_DUMP_INTR = 0x10;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
export const MESSAGE_HEADER_BYTES = 16;
export const ATTRIBUTE_HEADER_BYTES = 4;
/** Above it are flags, such as NLA_F_NESTED. */
const NLA_TYPE_MASK = 0x3fff;

/** Takes a message that is an answer: what follows its header is bytes[from, to). */
export type MessageVisitor = (type: number, bytes: Uint8Array, from: number, to: number) => void;

/** What a datagram of the kernel leaves to say besides its answers. */
export interface DumpState {
  isDone: boolean;
  /** Negated errno; 0 if all is well. */
  error: number;
  /** Whether things came or went in a way that left some out or told some twice. */
  isInterrupted: boolean;
}

export function netlinkRequest(type: number, flags: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags | NLM_F_REQUEST, true);
  bytes.set(payload, MESSAGE_HEADER_BYTES);
  return bytes;
}

/** Visits the answers in a datagram of `length` bytes; what is cut short is passed over. */
export function walkMessages(bytes: Uint8Array, length: number, visitor: MessageVisitor): DumpState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const state: DumpState = { isDone: false, error: 0, isInterrupted: false };
  for (let at = 0; at + MESSAGE_HEADER_BYTES <= length;) {
    const messageBytes = view.getUint32(at, true);
    const from = at + MESSAGE_HEADER_BYTES;
    const to = at + messageBytes;
    if (messageBytes < MESSAGE_HEADER_BYTES || to > length) break;
    const type = view.getUint16(at + 4, true);
    if ((view.getUint16(at + 6, true) & NLM_F_DUMP_INTR) !== 0) state.isInterrupted = true;
    if (type === NLMSG_DONE) state.isDone = true;
    if (type !== NLMSG_DONE && type !== NLMSG_ERROR) visitor(type, bytes, from, to);
    // Both begin their payload with an error, which a dump that went well leaves 0.
    else if (from + 4 <= to) state.error = Math.min(view.getInt32(from, true), 0);
    at = (to + 3) & ~3;
  }
  return state;
}

/** Takes an attribute, whose value is [from, to). Returns whether to go on. */
export type AttributeVisitor = (type: number, from: number, to: number) => boolean | void;

/** Visits the attributes in bytes[from, to), until one is cut short. Hot. */
export function walkAttributes(bytes: Uint8Array, from: number, to: number, visitor: AttributeVisitor): void {
  for (let at = from; at + ATTRIBUTE_HEADER_BYTES <= to;) {
    const end = at + u16(bytes, at);
    if (end < at + ATTRIBUTE_HEADER_BYTES || end > to) return;
    if (visitor(u16(bytes, at + 2) & NLA_TYPE_MASK, at + ATTRIBUTE_HEADER_BYTES, end) === false) return;
    at = (end + 3) & ~3;
  }
}

/** The kernel's own order of bytes. */
function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}
