import { BlockList } from "node:net";
import type { Allowed } from "../config/listen.ts";
import type { Rules } from "../http/admission/admission.ts";
import { WebFile, type WebFileListener } from "./web-file.ts";

/** Rules of the web server, and what they are taken from. */
export interface OpenRules extends AsyncDisposable {
  readonly rules: Rules;
  readonly file: WebFile | undefined;
}

/** What the flags say of it. */
export interface WantedRules {
  readonly webConfig: string | null;
  readonly allow: readonly Allowed[];
  readonly isHealthOpen: boolean;
  readonly maxRequests: number;
}

/** Opens what is wanted; a file that is in use already stays open for both. Throws PromtapError. */
export async function openRules(
  { webConfig, allow, isHealthOpen, maxRequests }: WantedRules,
  listener: WebFileListener,
  before?: OpenRules,
): Promise<OpenRules> {
  const isSame = before?.file !== undefined && before.file.path === webConfig;
  const file = isSame ? before.file : webConfig === null ? undefined : await WebFile.open(webConfig, listener);
  return {
    rules: { access: file, allow: allow.length === 0 ? undefined : listOf(allow), isHealthOpen, maxRequests },
    file,
    [Symbol.asyncDispose]: async () => file?.[Symbol.asyncDispose](),
  };
}

function listOf(allowed: readonly Allowed[]): BlockList {
  const list = new BlockList();
  for (const { address, length, family } of allowed) list.addSubnet(address, length, family);
  return list;
}

/** The rules in force. */
export class CurrentRules implements AsyncDisposable {
  #current: OpenRules;

  constructor(current: OpenRules) {
    this.#current = current;
  }

  get current(): OpenRules {
    return this.#current;
  }

  /** Ends what the rules before had for themselves. */
  async use(next: OpenRules): Promise<void> {
    const before = this.#current;
    this.#current = next;
    if (before.file !== next.file) await before[Symbol.asyncDispose]();
  }

  /** Ends what rules have that are not wanted after all. */
  async drop(next: OpenRules): Promise<void> {
    if (this.#current.file !== next.file) await next[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current[Symbol.asyncDispose]();
  }
}
