import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

export const MAIN: string = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
export const CLI: string = new URL("../../src/cli/cli.ts", import.meta.url).href;
export const ERRORS: string = new URL("../../src/errors.ts", import.meta.url).href;

export interface Ended {
  status: number | null;
  /** What ended it, if it did not end by itself. */
  signal: string | null;
  stdout: string;
  stderr: string;
}

export type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Runs Node, by another program if there is a prefix. */
export function start(args: readonly string[], prefix: readonly string[] = []): Child {
  const [program, ...rest] = [...prefix, process.execPath, ...args];
  return spawn(program!, rest, { stdio: ["ignore", "pipe", "pipe"] });
}

export async function end(child: Child): Promise<Ended> {
  const closed = once(child, "close");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status, signal] = await closed;
  return { status, signal, stdout, stderr };
}

export const promtap = (...args: string[]): Promise<Ended> => end(start([MAIN, ...args]));

/** The command line with a daemon that is the body of two functions. */
export function startWith(
  daemon: { run?: string; check?: string; prefix?: readonly string[] },
  ...args: string[]
): Child {
  const program = `
    import { main } from ${JSON.stringify(CLI)};
    const daemon = { async run(config, signal) { ${daemon.run ?? ""} }, async check(config) { ${daemon.check ?? ""} } };
    await main(process.argv.slice(1), daemon);
  `;
  return start(["--input-type=module", "-e", program, "--", ...args], daemon.prefix);
}
