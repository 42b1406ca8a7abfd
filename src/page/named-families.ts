import { ErrorCode, PromtapError } from "../errors.ts";
import { type Family, MetricType } from "./family.ts";

/** What the names of samples have behind that of their family. */
const SUFFIXES: Partial<Record<MetricType, readonly string[]>> = {
  [MetricType.HISTOGRAM]: ["_bucket", "_sum", "_count"],
  [MetricType.SUMMARY]: ["_sum", "_count"],
};

/** What a family is known by. */
export type FamilyName = Pick<Family, "name" | "type">;

/**
 * The families that these names, or those of their samples, stand for; all without a name. Throws for a name that none
 * has, if all that there may be are here, and that none of those had that were there `before`.
 */
export function namedFamilies(
  families: readonly Family[],
  names: readonly string[],
  areAll: boolean,
  before: readonly FamilyName[] = [],
): Family[] {
  if (names.length === 0) return [...families];
  const wanted = new Set(names);
  const known = new Set([...families, ...before].flatMap(namesOf));
  if (areAll && names.some((name) => !known.has(name))) {
    throw new PromtapError(ErrorCode.REQUEST, "name[] names a family that is not on this page");
  }
  return families.filter((family) => namesOf(family).some((name) => wanted.has(name)));
}

/** In either format: OpenMetrics takes the ending of a counter for part of its sample's name. */
function namesOf({ name, type }: FamilyName): string[] {
  const suffixed = (SUFFIXES[type] ?? []).map((suffix) => name + suffix);
  return [name, ...suffixed, ...(type === MetricType.COUNTER ? [name.replace(/_total$/, "")] : [])];
}
