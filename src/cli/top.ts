import { usageError } from "../config/flag.ts";
import { configOf } from "../daemon/config.ts";
import { Parts } from "../daemon/parts.ts";
import { ownStatus } from "../daemon/web/status.ts";
import { configureLog } from "../log.ts";
import { type TopOptions, topOptionsOf } from "../top/options.ts";
import { ask, isAbsent, USUAL_URL } from "../top/remote.ts";
import { isThereTerminal } from "../top/terminal.ts";
import { type Ask, printOnce, Top } from "../top/top.ts";
import { scanFlags } from "./scan.ts";
import { abortOnSignals, watchHangups } from "./signals.ts";

/** What `promtap top` does: shows how a promtap does, or what a capture of its own counts. Throws PromtapError. */
export async function showTop(words: readonly string[]): Promise<void> {
  const options = await topOptionsOf(words);
  if (!options.isOnce && !isThereTerminal()) throw usageError("top needs a terminal; --once prints one look anywhere");
  const hangup = new AbortController();
  using _ = watchHangups(() => hangup.abort());
  const signal = AbortSignal.any([abortOnSignals(), hangup.signal]);
  await using parts = new Parts();
  const source = await sourceOf(options, signal, parts);
  if (options.isOnce) await printOnce(source, options.isJson);
  else await new Top(source).run(signal);
}

/** The promtap that is asked for, or the one of this machine, or a capture of its own. */
async function sourceOf(options: TopOptions, signal: AbortSignal, parts: Parts): Promise<Ask> {
  const { url, flags } = options;
  if (url !== null) return () => ask(url, options);
  let first = flags.length === 0 ? await ofThisMachine(options) : undefined;
  if (first !== undefined) {
    return async () => {
      const report = first ?? (await ask(USUAL_URL, options));
      first = undefined;
      return report;
    };
  }
  configureLog("error", "logfmt");
  return ownStatus(configOf(scanFlags(flags)), signal, parts);
}

/** What the promtap of this machine tells; undefined if there is none. */
async function ofThisMachine(options: TopOptions): Promise<Awaited<ReturnType<Ask>> | undefined> {
  try {
    return await ask(USUAL_URL, options);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
