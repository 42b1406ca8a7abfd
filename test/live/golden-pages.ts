/*
 * A program: serves the pages of test/golden on 127.0.0.1, each at /NAME. Every value is as many times as much as the
 * page has been asked for, so that counters count.
 *
 *     node golden-pages.ts PORT
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join, resolve } from "node:path";

const GOLDEN = resolve(import.meta.dirname, "../golden");
const asked = new Map<string, number>();

createServer(({ url = "/" }, answer) => {
  const name = basename(url);
  const times = (asked.get(name) ?? 0) + 1;
  asked.set(name, times);
  const page = readFileSync(join(GOLDEN, `${name}.txt`), "utf8");
  answer.setHeader("Content-Type", "text/plain; version=0.0.4");
  answer.end(page.replace(/(?<=^[a-z].* )\S+$/gm, (value) => `${Number(value) * times}`));
}).listen(Number(process.argv[2]), "127.0.0.1");
