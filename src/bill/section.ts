import { single, wholeNumber } from "../config/flag.ts";
import { section, type ValueOf } from "../config/section.ts";
import { stateSection } from "../state/section.ts";
import { statePath } from "../state/state-keeper.ts";
import { samplesPath } from "./samples/sample-folder.ts";

/** A month, and the day that begins in another one elsewhere. */
const MIN_DAYS = 32;
const MAX_DAYS = 3660;

const FLAGS = {
  days: single({
    name: "bill-days",
    key: "bill.days",
    value: "DAYS",
    needs: ["state"],
    why: "samples are kept beside its file",
    help:
      "Keep what each customer sends and receives in every 5 minutes, for so many days, beside the file of --state: " +
      "promtap bill makes bills of it.",
    parse: wholeNumber(MAX_DAYS, MIN_DAYS, "days"),
  }),
};

/** What is kept for bills; null if nothing is. */
export const billSection = section("Bills", FLAGS, ({ days }, given) => {
  const state = stateSection.read(given);
  return days === null || state === null ? null : { days, folder: samplesPath(statePath(state.path)) };
});
export type BillConfig = NonNullable<ValueOf<typeof billSection>>;
