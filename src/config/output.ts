import { illegal, nonEmpty, single, toggle } from "./flag.ts";
import { section } from "./section.ts";

const FLAGS = {
  /** Print one page instead of serving it. */
  once: toggle({ name: "once", help: "Print one page and exit; with --read, at the end of the file." }),
  /** Say what would run instead of running. */
  check: toggle({ name: "check", help: "Say what would run, or what is missing for it, and exit." }),
  /** Part of the scrape's time that a collector may take, up to 1. */
  collectorShare: single({
    name: "collector-share",
    key: "collector_share",
    value: "PERCENT",
    default: "25",
    help: "Part of the scrape's time that each collector may take; the page is made without one that takes longer.",
    parse(percent, spelling) {
      if (/^(?:[1-9][0-9]?|100)$/.test(percent)) return Number(percent) / 100;
      throw illegal(spelling, percent, "a percentage from 1 to 100");
    },
  }),
};

/** Where else flags stand. */
export const fileSection = section("Log and help", {
  /** The configuration file; null if there is none. */
  filePath: single({
    name: "config.file",
    value: "FILE",
    help: "File in YAML that says what flags say; those of the command line win.",
    parse: nonEmpty("a file in YAML"),
  }),
  /** Whether files are read again when they change. */
  watchesFiles: toggle({
    name: "config.watch",
    key: "watch",
    needs: ["config.file", "range-file"],
    help: "Read --config.file and the files of --range-file again when one of them changes.",
  }),
});

/** What is printed instead of counting. */
export const helpSection = section("Log and help", {
  version: toggle({ name: "version", help: "Print the version and exit." }),
  help: toggle({ name: "help", short: "h", help: "Print this help and exit." }),
});

/** What becomes of the page. */
export const outputSection = section("Output", FLAGS);
