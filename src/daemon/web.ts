import { isDeepStrictEqual } from "node:util";
import type { ListenAddress } from "../http/listener.ts";
import { type Server, startServer } from "../http/server.ts";
import type { Site } from "../http/site.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";

interface Served {
  readonly listen: ListenAddress;
  readonly server: Server;
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
  async listen(addresses: readonly ListenAddress[]): Promise<{ commit(): Promise<void>; undo(): Promise<void> }> {
    const before = this.#served;
    const added: Served[] = [];
    const undo = () => endAll(added);
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
      for (const { server } of added) for (const address of server.addresses) log.info("listening", { address });
      await endAll(before.filter((each) => !isWanted(each)));
    };
    return { commit, undo };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endAll(this.#served);
  }
}

async function endAll(served: readonly Served[]): Promise<void> {
  const ends = await Promise.allSettled(served.map(({ server }) => server[Symbol.asyncDispose]()));
  for (const end of ends) {
    if (end.status === "rejected") log.error("couldn't end", { part: "web server", error: messageOf(end.reason) });
  }
}
