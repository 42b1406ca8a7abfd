/** Shows control characters, which arguments and names of files may hold, as escapes. */
export function oneLine(message: string): string {
  return message.replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
