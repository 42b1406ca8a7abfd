/** `name="value"` with the value escaped as the text format asks: backslash, double quote and newline. */
export function labelText(name: string, value: string): string {
  return `${name}="${value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`))}"`;
}
