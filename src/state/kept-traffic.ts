import type { TrafficSource } from "../collectors/traffic.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { StateKeeper } from "./state-keeper.ts";
import { readTraffic } from "./traffic-reader.ts";
import { writeTraffic } from "./traffic-writer.ts";

export const TRAFFIC_SECTION = "traffic";
/** What has not come back by then is given up, as if it had gone while the program ran. */
const RETURN_MS = 10 * 60_000;

/** Has a ledger that has counted nothing yet go on from what was kept of its traffic, if anything was. */
export async function resumeTraffic(keeper: StateKeeper, ledger: Ledger, maxAddresses: number): Promise<void> {
  const ledgers = await keeper.resume(TRAFFIC_SECTION, (reader) => readTraffic(reader, maxAddresses));
  if (ledgers !== undefined) ledger.succeed(ledgers);
}

/** Keeps the traffic of a ledger from now on. `now`: a clock in milliseconds that never steps back. */
export function keepTraffic(
  keeper: StateKeeper,
  ledger: Ledger,
  source: TrafficSource,
  now = () => performance.now(),
): void {
  const givenUpAtMs = now() + RETURN_MS;
  keeper.keep(TRAFFIC_SECTION, (nextTurn) => {
    source.sync();
    if (ledger.inherited.length > 0 && now() >= givenUpAtMs) ledger.disinherit();
    const lost = new Map(source.taps().map(({ name, lostPackets }) => [name, lostPackets]));
    return writeTraffic(ledger, lost, nextTurn);
  });
}
