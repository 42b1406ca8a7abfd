import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "./namespace.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const ADDRESS = "127.0.0.1:9090";

/** What an instant query gives for one series. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [seconds: number, value: string];
}

/** A Prometheus in a namespace, asked through its API. */
export class Prometheus implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #folder = new TemporaryFolder();
  readonly #process: ChildProcess;
  readonly #end: Promise<unknown>;

  /** `config`: prometheus.yml; `files`: name → text, of what it names beside itself. */
  constructor(namespace: Namespace, config: string, files: Readonly<Record<string, string>> = {}) {
    this.#namespace = namespace;
    const { path } = this.#folder;
    const all = Object.entries({ ...files, "prometheus.yml": config });
    for (const [name, text] of all) writeFileSync(join(path, name), text);
    const place = [`--config.file=${join(path, "prometheus.yml")}`, `--storage.tsdb.path=${path}`];
    const command = ["prometheus", ...place, `--web.listen-address=${ADDRESS}`];
    this.#process = namespace.spawn(command, { stdio: "ignore" });
    this.#end = once(this.#process, "close");
  }

  /** Throws if Prometheus does not answer, or calls the query wrong. */
  query(query: string): readonly Sample[] {
    return (this.#ask("query", `query=${query}`) as { result: Sample[] }).result;
  }

  /** The jobs whose page declares a family of this name. */
  jobsThatDeclare(family: string): string[] {
    const targets = this.#ask("targets/metadata", `metric=${family}`) as { target: { job: string } }[];
    return targets.map(({ target }) => target.job).toSorted((a, b) => (a < b ? -1 : 1));
  }

  #ask(what: string, parameter: string): unknown {
    const url = `http://${ADDRESS}/api/v1/${what}`;
    const body = this.#namespace.run("curl", "-sS", "--get", "--data-urlencode", parameter, url);
    const { data, error } = JSON.parse(body) as { data?: unknown; error?: string };
    if (error !== undefined) throw new Error(`${parameter}: ${error}`);
    return data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#end;
    this.#folder[Symbol.dispose]();
  }
}
