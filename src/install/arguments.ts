import { usageError } from "../config/flag.ts";

/** What a unit's EnvironmentFile= has, so that `$ARGS` in its command line becomes these words. Throws a usage error. */
export function argumentsText(words: readonly string[]): string {
  const strange = words.find((word) => /\p{Cc}/u.test(word));
  if (strange !== undefined) throw usageError(`couldn't give ${JSON.stringify(strange)} to a unit: it is not one line`);
  const value = words.map(quotedWord).join(" ");
  return `# Flags for promtap, as its unit gives them; promtap check tells what they come to.
ARGS="${value.replace(/["\\$\x60]/g, String.raw`\$&`)}"
`;
}

/** A word as systemd takes it out of a variable: systemd.service(5), command lines. */
function quotedWord(word: string): string {
  if (/^[\w@%+=:,./!*?{}[\]^~-]+$/.test(word)) return word;
  return `"${word.replace(/["\\]/g, String.raw`\$&`)}"`;
}
