import type { Engine, EngineKind, FrameSink } from "../../src/capture/engine.ts";
import type { Link } from "../../src/capture/links.ts";

/** An engine that sees nothing, and loses what a test says. */
export class FakeEngine implements Engine<FrameSink> {
  readonly link: Link;
  sink: FrameSink | undefined;
  /** All that it counted into, one after the other. */
  readonly sinks: (FrameSink | undefined)[] = [];
  lost = 0;
  /** What is found lost when the last packets are read. */
  lostAtEnd = 0;
  syncs = 0;
  isClosed = false;
  readonly #kind: FakeKind;

  constructor(kind: FakeKind, link: Link, sink: FrameSink) {
    this.#kind = kind;
    this.link = link;
    this.sink = sink;
    this.sinks.push(sink);
  }

  sync(): void {
    this.syncs++;
  }

  retarget(sink: FrameSink | undefined): void {
    this.sink = sink;
    this.sinks.push(sink);
  }

  losses(): { packets: number } {
    return { packets: this.lost };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise(setImmediate);
    await this.#kind.closes;
    this.lost += this.lostAtEnd;
    this.isClosed = true;
  }
}

/** Opens fake engines, but on interfaces that a test has put out of order. */
export class FakeKind implements EngineKind<FrameSink> {
  readonly name = "ring";
  readonly needs = [];
  readonly keeps = [];
  descriptors = 0;
  readonly engines: FakeEngine[] = [];
  /** How many interfaces shared the memory each time one was to be opened. */
  readonly siblings: number[] = [];
  readonly forgotten: string[] = [];
  /** Interface → why it cannot be opened. */
  readonly broken = new Map<string, string>();
  /** What those wait for that are opened. */
  opens: Promise<void> | undefined;
  /** What those wait for that are closed. */
  closes: Promise<void> | undefined;
  /** How often an interface was tried in vain. */
  failures = 0;
  refusal: string | undefined;

  async probe(): Promise<string | undefined> {
    return this.refusal;
  }

  async open(link: Link, sink: FrameSink, siblings: number): Promise<FakeEngine> {
    this.siblings.push(siblings);
    const reason = this.broken.get(link.name);
    if (reason !== undefined) {
      this.failures++;
      throw new Error(reason);
    }
    await this.opens;
    const engine = new FakeEngine(this, link, sink);
    this.engines.push(engine);
    return engine;
  }

  forget(name: string): void {
    this.forgotten.push(name);
  }

  /** The engines that are open, by the name of their interface. */
  openNames(): string[] {
    return this.engines.filter(({ isClosed }) => !isClosed).map(({ link }) => link.name);
  }
}
