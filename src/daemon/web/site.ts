import type { ConfigState } from "../../collectors/self.ts";
import type { Served } from "../../http/server.ts";
import type { Site } from "../../http/site.ts";
import { landingPage, plainLandingPage } from "../../page/landing.ts";
import { chooseFormat, CONTENT_TYPE, Format } from "../../page/negotiation.ts";
import { VERSION } from "../../version.ts";
import type { Config } from "../config.ts";
import type { Program } from "../program.ts";
import { statusSite } from "./status.ts";

/** What a site tells of. */
export interface SiteSource {
  readonly program: Program;
  /** Of the configuration, if it can be read again. */
  configuration(): ConfigState | undefined;
  /** What a site has, whatever a config asks for. */
  readonly site: Pick<Site, "ready" | "refused" | "failed">;
  reload(): Promise<string | undefined>;
}

/** What a config says of the site. */
const SAID = ["status", "telemetryPath", "hasLifecycle"] as const;
type Said = Pick<Config, (typeof SAID)[number]>;

/** A site, as a config asks for it. */
export interface OpenSite extends Served, Disposable {
  readonly said: Said;
}

/** The site that is served. */
export class CurrentSite implements Disposable {
  readonly #source: SiteSource;
  #current: OpenSite;

  constructor(config: Config, source: SiteSource) {
    this.#source = source;
    this.#current = openSite(config, source);
  }

  get current(): OpenSite {
    return this.#current;
  }

  /** That of another config: the same one if it asks for nothing else. */
  prepare(config: Config): OpenSite {
    const isSame = SAID.every((key) => config[key] === this.#current.said[key]);
    return isSame ? this.#current : openSite(config, this.#source);
  }

  /** Ends the one before: who watches it asks again. */
  use(next: OpenSite): void {
    if (next !== this.#current) this.#current[Symbol.dispose]();
    this.#current = next;
  }

  /** Ends one that is not wanted after all. */
  drop(next: OpenSite): void {
    if (next !== this.#current) next[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#current[Symbol.dispose]();
  }
}

function openSite(config: Config, source: SiteSource): OpenSite {
  const { program } = source;
  const status = config.guise === undefined ? statusSite(config, program, () => source.configuration()) : undefined;
  const lifecycle = config.hasLifecycle ? { reload: () => source.reload() } : {};
  return {
    said: config,
    telemetryPath: config.telemetryPath,
    site: { ...source.site, ...front(config, program), ...lifecycle, status },
    [Symbol.dispose]: () => status?.[Symbol.dispose](),
  };
}

/** What is shown, and at which paths; the programs of a guise know neither OpenMetrics nor selections. */
function front(config: Config, program: Program): Pick<Site, "expose" | "landingPage" | "otherPaths"> {
  const { guise, telemetryPath } = config;
  if (guise === undefined) {
    return {
      expose(accept, timeoutMs, selection) {
        const format = chooseFormat(accept);
        return { contentType: CONTENT_TYPE[format], chunks: program.page(format, timeoutMs, selection) };
      },
      landingPage: () => landingPage(telemetryPath, VERSION, program.traffic.engine, program.traffic.taps()),
    };
  }
  return {
    expose: (_, timeoutMs) => ({
      contentType: CONTENT_TYPE[Format.TEXT],
      chunks: program.page(Format.TEXT, timeoutMs),
    }),
    landingPage: () => plainLandingPage(guise.name.replaceAll("_", " "), telemetryPath),
    otherPaths: guise.otherPaths,
  };
}
