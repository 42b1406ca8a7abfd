import { koffi, once } from "./koffi.ts";
import * as libc from "./libc.ts";

/*
 * bpf(2). Every command takes `union bpf_attr` (linux/bpf.h), of which the fields used here are written by hand. Calls
 * return what the kernel returns, or the negated errno.
 */
const SYS_BPF = process.arch === "arm64" ? 280 : 321;
const BPF_MAP_CREATE = 0;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_PROG_LOAD = 5;
const BPF_MAP_DELETE_BATCH = 27;
const BPF_LINK_CREATE = 28;
const BPF_LINK_UPDATE = 29;
/** Covers the last field that is written, flags of BPF_LINK_CREATE's relative attachment. */
const ATTR_BYTES = 128;

export const BPF_MAP_TYPE_HASH = 1;
export const BPF_MAP_TYPE_ARRAY = 2;
/** Programs that a program can go on in; emptied when its last descriptor is closed. */
export const BPF_MAP_TYPE_PROG_ARRAY = 3;
export const BPF_F_NO_PREALLOC = 1;
/** Kernel 5.5. */
export const BPF_F_MMAPABLE = 1 << 10;

export const BPF_PROG_TYPE_SOCKET_FILTER = 1;
export const BPF_PROG_TYPE_SCHED_CLS = 3;

/** Kernel 6.6. */
export const BPF_TCX_INGRESS = 46;
export const BPF_TCX_EGRESS = 47;
const BPF_F_BEFORE = 1 << 3;

const SOL_SOCKET = 1;
const SO_ATTACH_BPF = 50;

const LOG_BYTES = 16 * 1024 * 1024;
const LOG_LEVEL = 1;
const LOAD_ATTEMPTS = 5;

const syscall = once(() =>
  koffi().load("libc.so.6").func("long syscall(long number, int command, _Inout_ uint8_t *attr, uint32_t size)"),
);

function bpf(command: number, attr: DataView): number {
  const result = Number(syscall()(SYS_BPF, command, new Uint8Array(attr.buffer), ATTR_BYTES));
  return result < 0 ? -koffi().errno() : result;
}

function attrOf(): DataView {
  return new DataView(new ArrayBuffer(ATTR_BYTES));
}

/** Creates a map and returns its descriptor. `name` (at most 15 letters) is what bpftool shows. */
export function createMap(
  type: number,
  keyBytes: number,
  valueBytes: number,
  entries: number,
  flags: number,
  name: string,
): number {
  const attr = attrOf();
  attr.setUint32(0, type, true);
  attr.setUint32(4, keyBytes, true);
  attr.setUint32(8, valueBytes, true);
  attr.setUint32(12, entries, true);
  attr.setUint32(16, flags, true);
  writeName(attr, 28, name);
  return bpf(BPF_MAP_CREATE, attr);
}

/** Writes an element of an array of 32-bit numbers, such as the descriptor of a program. */
export function setElement(mapFd: number, index: number, value: number): number {
  const key = Uint32Array.of(index);
  const element = Uint32Array.of(value);
  const attr = attrOf();
  attr.setUint32(0, mapFd, true);
  attr.setBigUint64(8, koffi().address(key), true);
  attr.setBigUint64(16, koffi().address(element), true);
  return bpf(BPF_MAP_UPDATE_ELEM, attr);
}

/**
 * Deletes keys of a hash, which stand side by side; those that it has not are passed over. Returns how many are gone,
 * from the first on: fewer than all if the kernel refuses. Kernel 5.6.
 */
export function deleteKeys(mapFd: number, keys: Uint8Array, keyBytes: number): number {
  const count = keys.length / keyBytes;
  const attr = attrOf();
  attr.setUint32(36, mapFd, true);
  for (let at = 0; at < count; at++) {
    attr.setBigUint64(16, koffi().address(keys) + BigInt(at * keyBytes), true);
    attr.setUint32(32, count - at, true);
    const result = bpf(BPF_MAP_DELETE_BATCH, attr);
    // How many it deleted before it stopped.
    at += attr.getUint32(32, true);
    if (result < 0 && result !== -libc.errno.ENOENT) return at;
  }
  return count;
}

/** A program that the kernel took, or its answer and what its verifier said. */
export type LoadResult = { fd: number } | { errno: number; log: string };

/** Loads a program. The verifier is only asked to explain itself when it refuses. */
export function loadProgram(type: number, instructions: Uint8Array, name: string): LoadResult {
  const license = Buffer.alloc(128);
  license.write("GPL");
  const attr = attrOf();
  attr.setUint32(0, type, true);
  attr.setUint32(4, instructions.length / 8, true);
  attr.setBigUint64(8, koffi().address(instructions), true);
  attr.setBigUint64(16, koffi().address(license), true);
  writeName(attr, 48, name);
  let fd = bpf(BPF_PROG_LOAD, attr);
  // The verifier gives up when a signal is pending for the process, such as a profiler's or a child's.
  for (let attempt = 1; fd === -libc.errno.EAGAIN && attempt < LOAD_ATTEMPTS; attempt++) fd = bpf(BPF_PROG_LOAD, attr);
  if (fd >= 0) return { fd };
  // It took seconds to find out, and there is nothing to explain.
  if (fd === -libc.errno.E2BIG) return { errno: fd, log: "" };
  const log = Buffer.alloc(LOG_BYTES);
  attr.setUint32(24, LOG_LEVEL, true);
  attr.setUint32(28, LOG_BYTES, true);
  attr.setBigUint64(32, koffi().address(log), true);
  const again = bpf(BPF_PROG_LOAD, attr);
  if (again >= 0) return { fd: again };
  const end = log.indexOf(0);
  return { errno: fd, log: log.toString("latin1", 0, end < 0 ? LOG_BYTES : end) };
}

/** Puts a program before all others at a hook of a network interface, until the returned descriptor is closed. */
export function attachTcx(programFd: number, interfaceIndex: number, attachType: number): number {
  const attr = attrOf();
  attr.setUint32(0, programFd, true);
  attr.setInt32(4, interfaceIndex, true);
  attr.setUint32(8, attachType, true);
  attr.setUint32(12, BPF_F_BEFORE, true);
  return bpf(BPF_LINK_CREATE, attr);
}

/** Puts another program in the place of the one at a hook, whose descriptor is given: each packet passes one of both. */
export function updateTcx(attached: number, programFd: number): number {
  const attr = attrOf();
  attr.setUint32(0, attached, true);
  attr.setUint32(4, programFd, true);
  return bpf(BPF_LINK_UPDATE, attr);
}

/** Makes a loaded program the filter of a socket, instead of the one before: each packet passes one of both. */
export function attachToSocket(socket: number, programFd: number): number {
  return libc.setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, new Uint8Array(Uint32Array.of(programFd).buffer));
}

function writeName(attr: DataView, at: number, name: string): void {
  for (let k = 0; k < Math.min(name.length, 15); k++) attr.setUint8(at + k, name.charCodeAt(k));
}
