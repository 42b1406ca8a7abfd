import { labelText } from "../../page/labels.ts";
import type { RuleProgram } from "./backends.ts";
import type { Chain } from "./rule-book.ts";

/** How the metrics of iptables_exporter look. */
export interface Form {
  help(text: string): string;
  sourceLabels(source: RuleProgram): Record<string, string>;
  /** The labels of a chain as text; a further label goes between the two. */
  chainLabels(source: RuleProgram, chain: Chain): readonly [before: string, after: string];
}

/** With labels that tell families and backends apart. */
export const FULL_FORM: Form = {
  help: (text) => text,
  sourceLabels: ({ backend, family }): Record<string, string> =>
    family === undefined ? { backend } : { family, backend },
  chainLabels: ({ backend }, { family, table, name }) => [
    [
      labelText("family", family),
      labelText("backend", backend),
      labelText("table", table),
      labelText("chain", name),
    ].join(","),
    "",
  ],
};

/** As iptables_exporter has them, down to the order of labels. */
export const ORIGINAL_FORM: Form = {
  help: (text) => `iptables_exporter: ${text}`,
  sourceLabels: () => ({}),
  chainLabels: (_, { table, name }) => [labelText("chain", name), `,${labelText("table", table)}`],
};
