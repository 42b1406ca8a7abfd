/**
 * Scrapes http://127.0.0.1:PORT/metrics and throws the body away, in a process of its own so that nothing but the
 * server is measured: `node scrape-client.ts PORT SCRAPES [probe]`. With `probe` it asks for /-/healthy all the while.
 * Prints a Findings as JSON.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Child } from "./child.ts";
import { type Rig, SENDER_CPU } from "./rig.ts";

/** One number a scrape, milliseconds. */
export interface Findings {
  /** From the connection's start to its end. */
  scrapes: number[];
  /** The slowest answer of /-/healthy during the scrape; empty without `probe`. */
  slowestHealthy: number[];
}

const HOST = "127.0.0.1";
/** Scrapes are seconds apart in life: what the server tidies up after one is not part of the next. */
const PAUSE_MS = 50;

/** One for everything that is read: an allocation for each chunk would be the client's cost. */
const BUFFER = Buffer.alloc(1 << 20);

/** Runs this file in the listener's namespace, on the sender's CPU. */
export async function scrape(rig: Rig, port: number, scrapes: number, ...flags: "probe"[]): Promise<Findings> {
  const command = [process.execPath, import.meta.filename, `${port}`, `${scrapes}`, ...flags];
  await using client = new Child(rig, rig.listener, SENDER_CPU, command);
  return JSON.parse(await client.end());
}

async function main(port: number, scrapes: number, isProbing: boolean): Promise<void> {
  const findings: Findings = { scrapes: [], slowestHealthy: [] };
  for (let count = 0; count < scrapes; count++) {
    await delay(PAUSE_MS);
    const start = performance.now();
    const end = get(port, "/metrics").then(() => performance.now());
    if (isProbing) findings.slowestHealthy.push(await slowestAnswer(port, end));
    findings.scrapes.push((await end) - start);
  }
  console.log(JSON.stringify(findings));
}

/** Asks again and again until `end`; milliseconds of the slowest answer. */
async function slowestAnswer(port: number, end: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  void end.finally(() => over.abort());
  let slowestMs = 0;
  while (!over.signal.aborted) {
    const start = performance.now();
    await get(port, "/-/healthy");
    slowestMs = Math.max(slowestMs, performance.now() - start);
  }
  return slowestMs;
}

/** Resolves when the server has sent all; throws when it doesn't answer with 200. */
async function get(port: number, path: string): Promise<void> {
  let status: string | undefined;
  const onBytes = (_count: number, bytes: Uint8Array): boolean => {
    status ??= Buffer.from(bytes.subarray(0, 12)).toString("latin1");
    return true;
  };
  const socket = connect({ host: HOST, port, onread: { buffer: BUFFER, callback: onBytes } });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  await once(socket, "end");
  if (status !== "HTTP/1.1 200") throw new Error(`${path} was answered with ${status}`);
}

if (import.meta.main) await main(Number(process.argv[2]), Number(process.argv[3]), process.argv[4] === "probe");
