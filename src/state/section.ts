import { nonEmpty, single, wholeNumber } from "../config/flag.ts";
import { optional, section, type ValueOf } from "../config/section.ts";

/** A minute at most is lost, with the time that writing takes. */
const DEFAULT_SECONDS = "50";
const MAX_SECONDS = 3600;

const FLAGS = {
  path: single({
    name: "state",
    key: "state.file",
    value: "FILE",
    hasOwnFolder: true,
    excludes: {
      once: "counts go on from run to run if the page is served",
      read: "what a file holds would count again with every run",
    },
    help:
      "File that counts are kept in, so that they go on from there after a restart; a name without a " +
      "folder is in the StateDirectory of the systemd unit.",
    parse: nonEmpty("a file, such as promtap.state"),
  }),
  intervalSeconds: single({
    name: "state-interval",
    key: "state.interval",
    value: "SECONDS",
    default: DEFAULT_SECONDS,
    help: "From one writing of --state to the next: what is counted since is lost when the program is killed.",
    parse: wholeNumber(MAX_SECONDS, 1, "seconds"),
  }),
};

/** Where counts are kept from run to run; null if they are not. */
export const stateSection = optional(
  section("Output", FLAGS, ({ path, intervalSeconds }) => ({ path: path!, intervalSeconds })),
  "state",
);
export type StateConfig = NonNullable<ValueOf<typeof stateSection>>;
