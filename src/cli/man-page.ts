import type { Flag, OwnFlag } from "../config/flag.ts";
import type { Section } from "../config/section.ts";
import type { AllBehind, Commands } from "./completions.ts";

/** What a manual page says besides the flags. */
export interface ManPageTexts {
  readonly version: string;
  readonly summary: string;
  readonly commands: Commands;
  readonly behind: AllBehind;
  /** What the command `help` shows manuals of. */
  readonly topics: Commands;
  /** Title → text, in which lines that begin with a blank are kept as they are. */
  readonly notes: Readonly<Record<string, string>>;
}

/** The manual page, for man(1): man-pages(7), groff_man(7). */
export function manPage(sections: readonly Section[], texts: ManPageTexts): string {
  const { version, summary, commands, behind, topics, notes } = texts;
  const options = sections.map(({ title, flags }) => `.SS ${roff(title)}\n${flags.map(flagEntry).join("")}`);
  const remarks = Object.entries(notes).map(([title, text]) => `.SH ${roff(title).toUpperCase()}\n${paragraphs(text)}`);
  return [
    `.TH PROMTAP 8 "" "promtap ${roff(version)}" ""\n`,
    ".SH NAME\npromtap \\- account network traffic for Prometheus\n",
    ".SH SYNOPSIS\n.B promtap\n.RI [ command ]\n.RI [ flag ]...\n",
    `.SH DESCRIPTION\n${roff(summary)}\n`,
    `.SH COMMANDS\n${commandEntries(commands, behind)}`,
    `.SH OPTIONS\n${options.join("")}`,
    `.SH MANUALS\nThe command\n.B help\nshows the manual of one of these topics:\n${wordEntries(topics)}`,
    ...remarks,
  ].join("");
}

function wordEntries(words: Commands): string {
  return Object.entries(words)
    .map(([name, about]) => `.TP\n.B ${roff(name)}\n${roff(about)}\n`)
    .join("");
}

function commandEntries(commands: Commands, behind: AllBehind): string {
  return Object.entries(commands)
    .map(([name, about]) => {
      const flags = behind[name]?.flags ?? [];
      const own = flags.length === 0 ? "" : `.RS\n${flags.map(flagEntry).join("")}.RE\n`;
      return `${wordEntries({ [name]: about })}${own}`;
    })
    .join("");
}

function flagEntry(flag: OwnFlag & Partial<Flag>): string {
  const { name, short, value, default: byDefault, isRepeatable = false, aliases, help } = flag;
  const argument = value === undefined ? "" : ` ${String.raw`\fI`}${roff(value)}${String.raw`\fR`}`;
  const spellings = [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
  const heads = spellings.map((spelling) => `${String.raw`\fB`}${roff(spelling)}${String.raw`\fR`}`).join(", ");
  const facts = [
    byDefault === undefined ? [] : `Default: ${byDefault}.`,
    isRepeatable ? "Repeatable." : [],
    aliases === undefined ? [] : `Also ${aliases.map((alias) => `--${alias}`).join(", ")}.`,
  ].flat();
  return `.TP\n${heads}${argument}\n${roff([help, ...facts].join(" "))}\n`;
}

function paragraphs(text: string): string {
  return text
    .trim()
    .split("\n\n")
    .map((part) => (part.startsWith(" ") ? `.PP\n.nf\n${roff(part)}\n.fi\n` : `.PP\n${roff(part)}\n`))
    .join("");
}

/** Text as roff takes it: no line may begin with a control character, and a dash is no hyphen. */
function roff(text: string): string {
  return text
    .replaceAll("\\", String.raw`\e`)
    .replaceAll("-", String.raw`\-`)
    .replace(/^(?=[.'])/gm, String.raw`\&`);
}
