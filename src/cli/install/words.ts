import type { OwnFlag } from "../../config/flag.ts";
import type { Accepted } from "../../install/options.ts";
import { PERSONALITIES } from "../../personalities/personalities.ts";

/** Time for services to be ready by another program, unless `upgrade` is told otherwise. */
export const USUAL_WAIT_SECONDS = "30";

const DRY_RUN: OwnFlag = { name: "dry-run", help: "Tell every file and command, and change nothing." };
const FORCE: OwnFlag = { name: "force", help: "Change files as well that were there before, or were changed by hand." };
const ROOT: OwnFlag = { name: "root", value: "FOLDER", help: "The image of another machine, instead of this one." };
const AS: OwnFlag = {
  name: "as",
  value: "NAME",
  choices: Object.keys(PERSONALITIES),
  help: "The exporter whose place it takes.",
};

/** What stands behind `install`. */
export const INSTALL_WORDS: Accepted = {
  command: "install",
  flags: [DRY_RUN, FORCE, AS, ROOT],
  words: 0,
  hasRest: true,
};

export const UNINSTALL_WORDS: Accepted = {
  command: "uninstall",
  flags: [DRY_RUN, FORCE, { name: "purge", help: "Remove configuration and state too." }, AS, ROOT],
  words: 0,
  hasRest: false,
};

export const UPGRADE_WORDS: Accepted = {
  command: "upgrade",
  flags: [
    DRY_RUN,
    { name: "sha256", value: "SUM", help: "The sum of the new program; else that of a file beside it." },
    {
      name: "wait",
      value: "SECONDS",
      help: `Time for services to be ready by the new program; else ${USUAL_WAIT_SECONDS}.`,
    },
  ],
  words: 1,
  hasRest: false,
};
