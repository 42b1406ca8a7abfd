import type { ScreenState } from "./screen.ts";

const ESCAPE = "\u001b";
/** Those that are sent as several characters begin with ESCAPE and "[". */
const KEYS = new RegExp(`${ESCAPE}\\[[0-9;]*[A-Za-z~]|[^]`, "gu");
const BACKSPACES = ["\u007f", "\b"];
const ENDS = ["q", "\u0003", "\u0004"];
const MAX_FILTER = 80;

/** The keys in what a terminal sent at once: fast typing, or a paste. */
export function keysOf(text: string): string[] {
  return text.match(KEYS) ?? [];
}

/** What a key changes; undefined if it ends the program. `lists`: how many there are. */
export function pressed(key: string, state: ScreenState, lists: number): ScreenState | undefined {
  if (state.isTyping) return typed(key, state);
  if (ENDS.includes(key)) return undefined;
  switch (key) {
    case "\t":
    case `${ESCAPE}[C`:
      return { ...state, list: (state.list + 1) % lists };
    case `${ESCAPE}[Z`:
    case `${ESCAPE}[D`:
      return { ...state, list: (state.list + lists - 1) % lists };
    case "s":
      return { ...state, order: state.order === "rate" ? "sum" : "rate" };
    case "u":
      return { ...state, unit: state.unit === "bits" ? "bytes" : "bits" };
    case "p":
    case " ":
      return { ...state, isPaused: !state.isPaused };
    case "/":
      return { ...state, isTyping: true };
    case ESCAPE:
      return { ...state, filter: "" };
    default:
      return /^[1-9]$/.test(key) && Number(key) <= lists ? { ...state, list: Number(key) - 1 } : state;
  }
}

function typed(key: string, state: ScreenState): ScreenState | undefined {
  if (key === "\u0003") return undefined;
  if (key === "\r" || key === "\n") return { ...state, isTyping: false };
  if (key === ESCAPE) return { ...state, isTyping: false, filter: "" };
  if (BACKSPACES.includes(key)) return { ...state, filter: state.filter.replace(/.$/u, "") };
  if (/^\P{Cc}+$/u.test(key)) return { ...state, filter: (state.filter + key).slice(0, MAX_FILTER) };
  return state;
}
