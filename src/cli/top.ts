import { configOf } from "../daemon/config.ts";
import { Parts } from "../daemon/parts.ts";
import { ownStatus } from "../daemon/web/status.ts";
import { configureLog } from "../log.ts";
import { type TopOptions, topOptionsOf } from "../top/options.ts";
import { ask, USUAL_URL } from "../top/remote.ts";
import { type Ask, printOnce, Top } from "../top/top.ts";
import { scanFlags } from "./scan.ts";
import { abortOnSignals } from "./signals.ts";

/** What `promtap top` does: shows how a promtap does, or what a capture of its own counts. Throws PromtapError. */
export async function showTop(words: readonly string[]): Promise<void> {
  const options = await topOptionsOf(words);
  const signal = abortOnSignals();
  await using parts = new Parts();
  const source = await sourceOf(options, signal, parts);
  if (options.isOnce) await printOnce(source, options.isJson);
  else await new Top(source).run(signal);
}

/** The promtap that is asked for, or the one of this machine, or a capture of its own. */
async function sourceOf(options: TopOptions, signal: AbortSignal, parts: Parts): Promise<Ask> {
  const { url, flags } = options;
  if (url !== null) return () => ask(url, options);
  if (flags.length === 0 && (await answers(options))) return () => ask(USUAL_URL, options);
  configureLog("error", "logfmt");
  const report = await ownStatus(configOf(scanFlags(flags)), signal, parts);
  return async () => report();
}

async function answers(options: TopOptions): Promise<boolean> {
  try {
    await ask(USUAL_URL, options);
    return true;
  } catch {
    return false;
  }
}
