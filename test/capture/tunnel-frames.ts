import fc from "fast-check";
import { CARRIERS, OUTERS, tunnelFrame } from "../packet/tunnels.ts";
import { frames, layers } from "./ring/layered-frames.ts";

const byte = fc.nat(0xff);
/** Few are changed, and in places where headers stand. */
const changes = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(fc.tuple(fc.nat(160), byte), { minLength: 1, maxLength: 3 }) },
);
const WHOLE = 1e9;
const end = fc.oneof({ weight: 8, arbitrary: fc.constant(WHOLE) }, { weight: 1, arbitrary: fc.nat(400) });
const headerBytes = fc.oneof({ weight: 8, arbitrary: fc.constant(WHOLE) }, { weight: 1, arbitrary: fc.nat(16) });

/** Ethernet frames of tunnels, most of them legal; some that are cut short, and some that no sane host would send. */
export const tunnelFrames: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.constantFrom(...OUTERS), fc.constantFrom(...CARRIERS), headerBytes, frames, layers, changes, end)
  .map(([outer, carrier, bytes, frame, { bytes: packet }, list, kept]) => {
    const header = carrier.header.replaceAll(/\s+/g, "").slice(0, 2 * bytes);
    const inner = carrier.carries === "ethernet" ? frame : Uint8Array.from(packet);
    const whole = tunnelFrame(outer, { ...carrier, header }, Buffer.from(inner).toString("hex"));
    for (const [at, value] of list) if (at < whole.length) whole[at] = value;
    return whole.slice(0, kept);
  });
