import type { CountedUnit } from "../collectors/status.ts";

const KILO = 1000;
const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];
const BITS = 8;
const DIGITS = 3;

/** Bits a second, with three digits. */
export function bitRate(bytesPerSecond: number): string {
  return scaled(bytesPerSecond * BITS, "bit/s");
}

export function packetRate(packetsPerSecond: number): string {
  return scaled(packetsPerSecond, "p/s");
}

export function byteRate(bytesPerSecond: number): string {
  return scaled(bytesPerSecond, "B/s");
}

/** A rate of what a list counts. */
export function rateText(unit: CountedUnit, perSecond: number): string {
  return unit === "bytes" ? bitRate(perSecond) : packetRate(perSecond);
}

/** A sum of what a list counts. */
export function sumText(unit: CountedUnit, count: number): string {
  return unit === "bytes" ? bytes(count) : scaled(count, "p");
}

export function bytes(count: number): string {
  return scaled(count, "B");
}

/** By itself: toLocaleString loads a locale at first, 20 ms of `promtap top` (Node 24.21). */
export function whole(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, "\u202f");
}

/** How long something takes or is ago. */
export function duration(seconds: number): string {
  const units: [seconds: number, name: string][] = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
  ];
  for (const [unit, name] of units) if (seconds >= 2 * unit) return `${Math.floor(seconds / unit)} ${name}`;
  return seconds >= 1 ? `${Math.floor(seconds)} s` : `${(seconds * 1000).toFixed(1)} ms`;
}

function scaled(exact: number, unit: string): string {
  const value = exact < KILO ? exact : Number(exact.toPrecision(DIGITS));
  const power = value < KILO ? 0 : Math.min(Math.floor(Math.log10(value) / 3), PREFIXES.length - 1);
  const mantissa = value / KILO ** power;
  const digits = power === 0 ? (Number.isInteger(mantissa) ? 0 : 1) : mantissa < 10 ? 2 : mantissa < 100 ? 1 : 0;
  return `${mantissa.toFixed(digits)} ${PREFIXES[power]!}${unit}`;
}
