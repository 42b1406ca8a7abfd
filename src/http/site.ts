import type { RefusalReason } from "./admission/refusals.ts";

/** What a request asks for of the page; an empty list asks for all there is. */
export interface Selection {
  /** Collectors to ask. */
  collect: readonly string[];
  /** Collectors to leave out. */
  exclude: readonly string[];
  /** Families, by their names or those of their samples. */
  names: readonly string[];
}

/** One page of metrics, made while it is sent. */
export interface Exposition {
  contentType: string;
  /** A chunk's memory is lent: it is good until the next chunk is asked for. */
  chunks: AsyncIterable<Uint8Array>;
}

/**
 * What paths answer besides those of metrics and health: promtap's own landing page and /-/reload, and 404 elsewhere;
 * 404 everywhere; or the page of metrics or the landing page everywhere.
 */
export type OtherPaths = "own" | "none" | "page" | "landing";

/** Somebody who looks at the status, and is told what changes. */
export interface Watcher {
  /** Whether addresses may be shown. */
  readonly isTrusted: boolean;
  /** Takes an event as text/event-stream has it. */
  send(event: string): void;
  /** There will be no more. */
  end(): void;
}

/** A page that tells how the program does, and goes on to. */
export interface StatusSite {
  /** HTML. `isTrusted`: whether addresses may be shown; `wanted`: what is searched for, if anything is. */
  page(isTrusted: boolean, wanted: string): Promise<string>;
  /** The same for programs, as JSON. */
  data(isTrusted: boolean): Promise<string>;
  readonly dataPath: string;
  /** Path → what the page is made of besides. */
  readonly files: ReadonlyMap<string, { readonly contentType: string; readonly body: Uint8Array }>;
  readonly eventsPath: string;
  /** Tells what changes from now on, until the returned function is called. */
  watch(watcher: Watcher): () => void;
}

/** What is served; the server knows nothing else of the program. */
export interface Site {
  /**
   * Begins a page in the best format for the Accept header, to be ready within the time; nothing runs until it is read.
   * Throws a PromtapError of a REQUEST, as reading does before the first chunk, if what is selected is not here.
   */
  expose(accept: string | undefined, timeoutMs: number, selection: Selection): Exposition;
  /** "own" if it does not say. */
  readonly otherPaths?: OtherPaths;
  /** HTML. */
  landingPage(): string;
  /** Stands at / in place of the landing page. */
  readonly status?: StatusSite | undefined;
  ready(): boolean;
  /** Has the configuration read again, if the web may ask for that; resolves with why it failed, if it did. */
  reload?(): Promise<string | undefined>;
  /** Told of what was refused. */
  refused?(reason: RefusalReason): void;
  /** Told of what went wrong while serving: a page that could not be made, a connection that could not be accepted. */
  failed(error: unknown): void;
}
