import type { DumpLimits } from "../../../native/netlink-dump.ts";
import { Kind, type Named } from "../named.ts";
import { readObjects, readSets } from "./kernel.ts";

/** What has a name, as the kernel tells it now; sets without their numbers of elements. */
export async function readNamed(limits: DumpLimits): Promise<Named[] | undefined> {
  const objects = await readObjects(limits);
  const sets = await readSets(limits);
  if (objects === undefined || sets === undefined) return undefined;
  const { COUNTER, QUOTA, SET } = Kind;
  return [
    ...objects.flatMap(({ family, table, name, counter, quota }): Named[] => {
      const labels = { family, table, name };
      if (counter !== undefined) return [{ kind: COUNTER, labels, first: counter.packets, second: counter.bytes }];
      return quota === undefined ? [] : [{ kind: QUOTA, labels, first: quota.used, second: quota.bytes }];
    }),
    ...sets.flatMap(({ family, table, name, isAnonymous, limit }): Named[] =>
      isAnonymous ? [] : [{ kind: SET, labels: { family, table, name }, first: undefined, second: limit }],
    ),
  ];
}
