import type { BlockList, Socket } from "node:net";
import type { Access } from "./access.ts";
import { Connection, Connections } from "./connection.ts";
import { Places } from "./places.ts";
import type { RefusalReason } from "./refusals.ts";

/** What counts for every request and connection, at all addresses. */
export interface Rules {
  /** Undefined: anybody may ask, without TLS. */
  readonly access?: Access | undefined;
  /** From where connections may come; undefined: from everywhere. */
  readonly allow?: BlockList | undefined;
  /** Whether anybody may ask for health pages. */
  readonly isHealthOpen?: boolean;
  /** Pages of metrics at once; 0 is no limit. */
  readonly maxRequests?: number;
}

export interface AdmissionLimits {
  /** At once, over all addresses. */
  readonly connections: number;
  readonly connectionsPerClient: number;
  /** For a client to take a piece of a page, when others wait for its place. */
  readonly slowMs: number;
}

const DEFAULT_PAGES = 40;
const PART_PER_CLIENT = 0.75;

/** What all addresses have in common: the rules, and the places of clients. */
export class Admission {
  rules: Rules;
  readonly connections = new Connections();
  readonly #places: Places;
  readonly #pages: Places;
  readonly #count: (reason: RefusalReason) => void;

  /** `count`: told what is refused. */
  constructor(rules: Rules, limits: AdmissionLimits, count: (reason: RefusalReason) => void) {
    this.rules = rules;
    this.#count = count;
    this.#places = new Places(() => ({
      max: limits.connections,
      maxPerClient: limits.connectionsPerClient,
      minWaitMs: 0,
    }));
    this.#pages = new Places(() => ({
      max: this.maxPages,
      maxPerClient: this.maxPagesPerClient,
      minWaitMs: limits.slowMs,
    }));
  }

  get maxPages(): number {
    const { maxRequests = DEFAULT_PAGES } = this.rules;
    return maxRequests === 0 ? Number.POSITIVE_INFINITY : maxRequests;
  }

  /** A part, so that no client alone keeps all others out. */
  get maxPagesPerClient(): number {
    return Math.ceil(this.maxPages * PART_PER_CLIENT);
  }

  refused(reason: RefusalReason): void {
    this.#count(reason);
  }

  /** Takes a connection on; undefined if it is refused. */
  admit(socket: Socket): Connection | undefined {
    const connection = new Connection(socket);
    if (this.rules.isHealthOpen !== true && !this.isAllowed(connection)) {
      this.#count("address");
      return undefined;
    }
    if (!this.#places.take(connection, () => this.#count("silent_connection"))) {
      this.#count("connections");
      return undefined;
    }
    socket.once("close", () => this.#places.leave(connection));
    this.connections.add(socket, connection);
    return connection;
  }

  /** A unix socket has permissions of its own. */
  isAllowed({ address }: Connection): boolean {
    const { allow } = this.rules;
    if (allow === undefined || address === undefined) return true;
    return allow.check(address, address.includes(":") ? "ipv6" : "ipv4");
  }

  /** Whether there is a place for a page. */
  takePage(page: Parameters<Places["take"]>[0]): boolean {
    if (this.#pages.take(page, () => this.#count("slow_page"))) return true;
    this.#count("pages");
    return false;
  }

  leavePage(page: Parameters<Places["leave"]>[0]): void {
    this.#pages.leave(page);
  }
}
