/** `name="value"` with the value escaped as the text format asks: backslash, double quote and newline. */
export function labelText(name: string, value: string): string {
  return `${name}="${value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`))}"`;
}

const LABEL = /([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g;

/** The labels in a text such as `customer="a",environment="b"`. */
export function parseLabels(text: string): [name: string, value: string][] {
  return [...text.matchAll(LABEL)].map(([, name, value]) => [name!, value!.replace(/\\(.)/g, unescaped)]);
}

function unescaped(_: string, character: string): string {
  return character === "n" ? "\n" : character;
}
