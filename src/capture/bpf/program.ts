import { ErrorCode, PromtapError } from "../../errors.ts";
import type { RangeTable } from "../../ledger/ranges.ts";
import * as bpf from "../../native/bpf.ts";
import * as libc from "../../native/libc.ts";
import { Assembler, JumpTooFarError } from "./assembly/assembler.ts";
import { writeCounter } from "./count-program.ts";
import type { KernelTables } from "./kernel-tables.ts";
import { writeParser } from "./parse-program.ts";
import type { Places } from "./places.ts";

/** Where a program runs, and so what it may read and must answer. */
export const Hook = { SOCKET: "socket", TCX: "tcx" } as const;
export type Hook = (typeof Hook)[keyof typeof Hook];

/** What a socket filter keeps of a packet for its socket: nothing. */
const KEEP_NOTHING = 0;
/** Goes on to the next program: anything else would drop or redirect the traffic. */
const TCX_NEXT = -1;

/** Lines of the verifier's log that a person is shown; the last ones say why. */
const SHOWN_LOG_LINES = 3;

export interface ProgramOptions {
  hook: Hook;
  isEthernet: boolean;
  ignoreOutgoing: boolean;
  maxAddresses: number;
}

/** The program that parses and counts the packets of one interface, ready to be loaded. */
export function assembleProgram(
  options: ProgramOptions,
  ranges: RangeTable,
  places: Places,
  { fds, sizes }: Pick<KernelTables, "fds" | "sizes">,
): Uint8Array {
  const asm = new Assembler();
  const exits = {
    ipv4: asm.label(),
    ipv6: asm.label(),
    notIp: asm.label(),
    refused: asm.label(),
    ignored: asm.label(),
  };
  const { hook, isEthernet, ignoreOutgoing, maxAddresses } = options;
  const isTcx = hook === Hook.TCX;
  writeParser(asm, { isEthernet, ignoreOutgoing, hasDirectAccess: isTcx, tablesFd: fds.tables }, exits);
  const result = isTcx ? TCX_NEXT : KEEP_NOTHING;
  writeCounter(asm, { fds, ranges, places, maxAddresses, ...sizes }, exits, result);
  return asm.assemble();
}

/** Loads the program and returns its descriptor. Throws PromtapError, whose cause has the verifier's whole log. */
export function loadProgram(
  options: ProgramOptions,
  ranges: RangeTable,
  places: Places,
  kernelTables: Pick<KernelTables, "fds" | "sizes">,
): number {
  const type = options.hook === Hook.TCX ? bpf.BPF_PROG_TYPE_SCHED_CLS : bpf.BPF_PROG_TYPE_SOCKET_FILTER;
  const result = bpf.loadProgram(type, assemble(), "promtap");
  if ("fd" in result) return result.fd;
  throw new PromtapError(ErrorCode.HOST, `couldn't load the program: ${refusal(result.errno, result.log)}`, {
    cause: new Error(result.log),
  });

  function assemble(): Uint8Array {
    try {
      return assembleProgram(options, ranges, places, kernelTables);
    } catch (error) {
      if (!(error instanceof JumpTooFarError)) throw error;
      throw new PromtapError(ErrorCode.HOST, `too many ranges for one program: ${error.message}`);
    }
  }
}

function refusal(result: number, log: string): string {
  switch (-result) {
    case libc.errno.EPERM:
      return "CAP_BPF is missing, or bpf() is blocked by seccomp";
    case libc.errno.ENOSYS:
      return "this kernel has no bpf()";
    default: {
      const lines = log.trimEnd().split("\n").slice(-SHOWN_LOG_LINES).join(" | ");
      return `${libc.errnoText(result)}: the verifier says: ${lines || "nothing"}`;
    }
  }
}
