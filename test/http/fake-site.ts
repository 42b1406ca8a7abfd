import type { RefusalReason } from "../../src/http/admission/refusals.ts";
import type { Exposition, Selection, Site } from "../../src/http/site.ts";

/** A site whose answers a test sets, and which remembers what it was asked. */
export class FakeSite implements Site {
  /** What makes the page: each call is one page. */
  source: () => AsyncIterable<Uint8Array> = () => pageOf("up 1\n");
  landing: () => string = () => "<h1>promtap</h1>\n";
  isReady = true;
  readonly asked: { accept: string | undefined; timeoutMs: number }[] = [];
  readonly selections: Selection[] = [];
  readonly failures: unknown[] = [];
  readonly refusals: RefusalReason[] = [];

  expose(accept: string | undefined, timeoutMs: number, selection: Selection): Exposition {
    this.selections.push(selection);
    this.asked.push({ accept, timeoutMs });
    return { contentType: "text/plain; version=0.0.4; charset=utf-8", chunks: this.source() };
  }

  landingPage(): string {
    return this.landing();
  }

  ready(): boolean {
    return this.isReady;
  }

  refused(reason: RefusalReason): void {
    this.refusals.push(reason);
  }

  failed(error: unknown): void {
    this.failures.push(error);
  }
}

/** A page whose chunks are these texts, all lent from one piece of memory that is spoilt when the next is asked for. */
export async function* pageOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield* lend(Buffer.from(text));
}

/** Yields the bytes, and overwrites them as soon as the reader asks for more, or leaves. */
export function* lend(bytes: Uint8Array): Generator<Uint8Array> {
  try {
    yield bytes;
  } finally {
    bytes.fill("!".charCodeAt(0));
  }
}

/** A page that waits for the test, and tells it when a page is begun and when it has ended, however it ended. */
export class HeldPage {
  readonly #begun = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  readonly #chunks: () => AsyncIterable<Uint8Array>;

  /** The page begins with "begin\n", and goes on with these chunks once it is released. */
  constructor(chunks: () => AsyncIterable<Uint8Array> = () => pageOf("end\n")) {
    this.#chunks = chunks;
  }

  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  release(): void {
    this.#released.resolve();
  }

  async *page(): AsyncGenerator<Uint8Array> {
    try {
      this.#begun.resolve();
      yield* pageOf("begin\n");
      await this.#released.promise;
      yield* this.#chunks();
    } finally {
      this.#ended.resolve();
    }
  }
}
