import type { Flag } from "../config/flag.ts";
import type { Section } from "../config/section.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Name → what it is, of commands, or of the topics that help takes. */
export type Commands = Readonly<Record<string, string>>;

/** What a flag's value is completed with. */
interface Completion {
  kind: "files" | "folders" | "words" | "none";
  /** Those that are legal, if it is completed with words. */
  words: string;
}

/** The completions for a shell, to be put where it looks for them. */
export function completions(shell: Shell, sections: readonly Section[], commands: Commands, topics: Commands): string {
  const flags = sections.flatMap((section) => section.flags);
  return { bash: bashCompletions, zsh: zshCompletions, fish: fishCompletions }[shell](flags, commands, topics);
}

function bashCompletions(flags: readonly Flag[], commands: Commands, topics: Commands): string {
  const valued = flags.filter(({ value }) => value !== undefined);
  const cases = valued.map((flag) => `    ${spellingsOf(flag).join("|")}) ${bashAction(completionOf(flag))} ;;\n`);
  const words = flags.map(({ name, value }) => `--${name}${value === undefined ? "" : "="}`);
  return `# bash completions of promtap
_promtap() {
  local current=\${COMP_WORDS[COMP_CWORD]} flag=\${COMP_WORDS[COMP_CWORD - 1]}
  if [[ $current == "=" ]]; then current=; fi
  if [[ $flag == "=" ]]; then flag=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  COMPREPLY=()
  case $flag in
${cases.join("")}  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W '${words.join(" ")}' -- "$current"))
    if [[ \${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
  elif ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${Object.keys(commands).join(" ")}' -- "$current"))
  elif ((COMP_CWORD == 2)) && [[ \${COMP_WORDS[1]} == help ]]; then
    COMPREPLY=($(compgen -W '${Object.keys(topics).join(" ")}' -- "$current"))
  fi
}
complete -F _promtap promtap
`;
}

function bashAction({ kind, words }: Completion): string {
  const actions = {
    files: `COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return`,
    folders: `COMPREPLY=($(compgen -d -- "$current")); compopt -o filenames; return`,
    words: `COMPREPLY=($(compgen -W '${words}' -- "$current")); return`,
    none: "return",
  };
  return actions[kind];
}

function zshCompletions(flags: readonly Flag[], commands: Commands, topics: Commands): string {
  const specifications = flags.flatMap((flag) => {
    const { name, short, value, isRepeatable } = flag;
    const about = `[${zshQuoted(firstSentence(flag.help))}]`;
    const action = value === undefined ? "" : `:${zshQuoted(value)}:${zshAction(completionOf(flag))}`;
    const times = isRepeatable ? "*" : "";
    const long = `'${times}--${name}${value === undefined ? "" : "="}${about}${action}'`;
    return short === undefined
      ? [long]
      : [long, `'${times}-${short}${value === undefined ? "" : "+"}${about}${action}'`];
  });
  return `#compdef promtap
local -a commands=(${zshDescribed(commands)})
local -a topics=(${zshDescribed(topics)})
_arguments -s \\
  ${specifications.join(" \\\n  ")} \\
  '1: :{_describe command commands}' \\
  '2: :{[[ $words[2] == help ]] && _describe topic topics}'
`;
}

function zshDescribed(words: Commands): string {
  return Object.entries(words)
    .map(([name, about]) => `'${name}:${zshQuoted(about)}'`)
    .join(" ");
}

function zshAction({ kind, words }: Completion): string {
  return { files: "_files", folders: "_files -/", words: `(${words})`, none: " " }[kind];
}

/** What a quoted specification of _arguments gives a meaning to. */
function zshQuoted(text: string): string {
  return text.replace(/[[\]:\\]/g, String.raw`\$&`).replaceAll("'", "'\\''");
}

function fishCompletions(flags: readonly Flag[], commands: Commands, topics: Commands): string {
  const lines = flags.map((flag) => {
    const short = flag.short === undefined ? "" : ` -s ${flag.short}`;
    const about = `-d ${fishQuoted(firstSentence(flag.help))}`;
    const action = flag.value === undefined ? "" : fishAction(completionOf(flag));
    return `complete -c promtap${short} -l ${flag.name}${action} ${about}`;
  });
  const first = Object.entries(commands).map(
    ([name, about]) => `complete -c promtap -n __fish_use_subcommand -a ${name} -d ${fishQuoted(about)}`,
  );
  const behindHelp = Object.entries(topics).map(
    ([name, about]) => `complete -c promtap -n '__fish_seen_subcommand_from help' -a ${name} -d ${fishQuoted(about)}`,
  );
  return ["# fish completions of promtap", "complete -c promtap -f", ...first, ...behindHelp, ...lines, ""].join("\n");
}

function fishAction({ kind, words }: Completion): string {
  const actions = {
    files: " -rF",
    folders: " -x -a '(__fish_complete_directories)'",
    words: ` -x -a ${fishQuoted(words)}`,
    none: " -x",
  };
  return actions[kind];
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, String.raw`\$&`)}'`;
}

function completionOf({ value, choices }: Flag): Completion {
  if (choices !== undefined) return { kind: "words", words: choices.join(" ") };
  if (value === "FILE") return { kind: "files", words: "" };
  return { kind: value === "FOLDER" ? "folders" : "none", words: "" };
}

function spellingsOf({ name, short, aliases = [] }: Flag): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), ...[name, ...aliases].map((each) => `--${each}`)];
}

/** Shells show a line; a full stop within a name or a number ends no sentence. */
function firstSentence(text: string): string {
  return /^[^]*?\.(?= |$)/.exec(text)?.[0].slice(0, -1) ?? text;
}
