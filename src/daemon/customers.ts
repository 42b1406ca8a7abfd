import { loadPrefixes } from "../customers/load-prefixes.ts";
import type { ReadLists } from "../customers/reading/read-lists.ts";
import type { Config } from "./config.ts";

/** The prefixes of files and of the configuration file, read. Throws a usage error. */
export async function loadCustomers({ prefixLists, prefixes, isLenient, filePath }: Config): Promise<ReadLists> {
  return loadPrefixes({ lists: prefixLists, inline: prefixes, inlinePath: filePath ?? "", isLenient });
}

/** What is legal in lists of prefixes, but hardly what was meant; a sentence each. */
export function customerWarnings({ skipped, firstSkipped, repeated, example, covered }: ReadLists): string[] {
  const warnings: string[] = [];
  if (firstSkipped !== undefined) {
    warnings.push(`skipped ${skipped} lines of prefixes that are wrong, as ${firstSkipped}`);
  }
  if (example !== undefined) {
    const [earlier, later] = example;
    warnings.push(`${repeated} prefixes are repeated, and the first counts: ${later} repeats ${earlier}`);
  }
  if (covered > 0) warnings.push(`${covered} prefixes never count: longer ones have all their addresses`);
  return warnings;
}

/** What was read, in a line; none if nothing was asked for. */
export function customerSummary({ sets, files }: ReadLists): string[] {
  return sets.map(({ series, set }) => {
    const from = files.length === 0 ? "" : ` of ${files.length} files`;
    return `prefixes${from}: ${set.count} by ${series}, with ${set.labelSets.length} different sets of labels`;
  });
}
