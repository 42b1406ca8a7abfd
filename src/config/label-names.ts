const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Labels that every series has already, or that belong to histograms. */
const RESERVED_LABELS = ["interface", "ip", "protocol", "le"];

/** Why a label can't have a name, and which are legal. */
export interface NameFault {
  readonly why: string;
  readonly legal: string;
}

/** Undefined: the name is legal. `reserved`: what is taken besides. */
export function labelNameFault(name: string, reserved: readonly string[] = []): NameFault | undefined {
  const taken = [...RESERVED_LABELS, ...reserved];
  // JSON, so that the message stays one line whatever was given.
  const quoted = JSON.stringify(name);
  if (!LABEL_NAME.test(name)) {
    return { why: `the label name ${quoted} is invalid`, legal: "letters, digits and _, no digit first" };
  }
  if (!taken.includes(name) && !name.startsWith("__")) return undefined;
  const legal = `any name but ${taken.join(", ")} and those with __ first`;
  return { why: `the label name ${quoted} is reserved`, legal };
}
