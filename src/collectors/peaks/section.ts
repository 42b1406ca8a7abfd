import { single, wholeNumber } from "../../config/flag.ts";
import { section, type ValueOf } from "../../config/section.ts";

const MAX_WINDOW_S = 3600;

const FLAGS = {
  windowSeconds: single({
    name: "peaks",
    isOfTraffic: true,
    key: "peaks",
    value: "SECONDS",
    excludes: {
      once: "a page that is printed has no seconds behind it",
      read: "a file is read faster than it was sent",
    },
    help:
      "Tell the highest second of at least the last SECONDS, by interface and customer: as long as it is from one scrape " +
      "to the next, or longer.",
    parse: wholeNumber(MAX_WINDOW_S, 1, "seconds"),
  }),
};

/** Of how long the highest second is told; null if none is. */
export const peaksSection = section("Peaks", FLAGS, ({ windowSeconds }) =>
  windowSeconds === null ? null : { windowMs: 1000 * windowSeconds },
);
export type PeaksConfig = NonNullable<ValueOf<typeof peaksSection>>;
