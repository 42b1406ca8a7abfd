import { isDeepStrictEqual } from "node:util";
import type { ListenAddress } from "./listener.ts";
import { type Server, startServer } from "./server.ts";
import type { Site } from "./site.ts";

interface Served {
  readonly listen: ListenAddress;
  readonly server: Server;
}

/** Other addresses, to be served at alone or not at all. */
export interface AddressChange {
  /** As bound, those that were not served at before. */
  readonly added: readonly string[];
  commit(): Promise<void>;
  undo(): Promise<void>;
}

/** The addresses that a site is served at, which may become others. */
export class Web implements AsyncDisposable {
  readonly #telemetryPath: string;
  readonly #site: Site;
  #served: readonly Served[] = [];

  constructor(telemetryPath: string, site: Site) {
    this.#telemetryPath = telemetryPath;
    this.#site = site;
  }

  /**
   * Serves at these addresses too, and returns what makes them the only ones, or takes that back. Throws PromtapError if
   * it can't listen at one of them, and serves at those before.
   */
  async listen(addresses: readonly ListenAddress[]): Promise<AddressChange> {
    const before = this.#served;
    const added: Served[] = [];
    const undo = () => this.#endAll(added);
    try {
      for (const listen of addresses) {
        if (before.some((each) => isDeepStrictEqual(each.listen, listen))) continue;
        const server = await startServer({ listen: [listen], telemetryPath: this.#telemetryPath }, this.#site);
        added.push({ listen, server });
      }
    } catch (error) {
      await undo();
      throw error;
    }
    const isWanted = ({ listen }: Served) => addresses.some((each) => isDeepStrictEqual(each, listen));
    const commit = async (): Promise<void> => {
      this.#served = [...before.filter(isWanted), ...added];
      await this.#endAll(before.filter((each) => !isWanted(each)));
    };
    return { added: added.flatMap(({ server }) => server.addresses), commit, undo };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endAll(this.#served);
  }

  async #endAll(served: readonly Served[]): Promise<void> {
    const ends = await Promise.allSettled(served.map(({ server }) => server[Symbol.asyncDispose]()));
    for (const end of ends) if (end.status === "rejected") this.#site.failed(end.reason);
  }
}
