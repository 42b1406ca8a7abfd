import { spawn } from "node:child_process";
import { once } from "node:events";

/** Exit statuses of a shell that could not run a command. */
const NOT_RUN = [126, 127];

/** Prints a text, on a terminal through $PAGER or less; as it is if there is none. */
export async function showText(text: string): Promise<void> {
  if (!process.stdout.isTTY || !(await page(text))) process.stdout.write(text);
}

/** Lets the pager show the text, and tells whether it could be run. */
async function page(text: string): Promise<boolean> {
  const command = process.env["PAGER"];
  // The variable holds a command for the shell, as man(1) and git(1) take it.
  const [program, args] = command === undefined ? ["less", []] : ["/bin/sh", ["-c", command]];
  const env = { LESS: "FRX", ...process.env };
  // The terminal sends it to both: it is the pager's, which goes on.
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  try {
    const child = spawn(program, args, { stdio: ["pipe", "inherit", "inherit"], env });
    // A pager that is left early reads no further.
    child.stdin.on("error", () => {});
    child.stdin.end(text);
    const [status] = (await once(child, "close")) as [number | null];
    return !NOT_RUN.includes(status ?? 0);
  } catch {
    return false;
  } finally {
    process.off("SIGINT", ignore);
  }
}
