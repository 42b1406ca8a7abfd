import type { Flag, OwnFlag } from "../config/flag.ts";
import type { Section } from "../config/section.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Name → what it is, of commands, or of words that stand behind one. */
export type Commands = Readonly<Record<string, string>>;

/** What stands behind a command, instead of promtap's flags. */
export interface Behind {
  readonly flags?: readonly OwnFlag[];
  /** Whether promtap's flags may stand there besides. */
  readonly hasAllFlags?: boolean;
  /** The one word that may. */
  readonly word?: Commands | "FILE";
}

/** Command → what stands behind it. */
export type AllBehind = Readonly<Record<string, Behind>>;

/** What a flag's value is completed with. */
interface Completion {
  kind: "files" | "folders" | "words" | "none";
  /** Those that are legal, if it is completed with words. */
  words: string;
}

/** The completions for a shell, to be put where it looks for them. */
export function completions(shell: Shell, sections: readonly Section[], commands: Commands, behind: AllBehind): string {
  const named = new Map(sections.flatMap((section) => section.flags).map((flag) => [flag.name, flag]));
  const flags = [...named.values()];
  return { bash: bashCompletions, zsh: zshCompletions, fish: fishCompletions }[shell](flags, commands, behind);
}

/** Behind `--` stand the flags of promtap, whatever the command is. */
function bashCompletions(flags: readonly Flag[], commands: Commands, behind: AllBehind): string {
  const all = bashFlags(flags);
  const cases = flags.filter(hasValue).map((flag) => bashCase(spellingsOf(flag).join("|"), completionOf(flag)));
  const own = Object.entries(behind);
  const ownCases = own.flatMap(([command, { flags: ownFlags = [] }]) =>
    ownFlags.filter(hasValue).map((flag) => bashCase(`"${command} --${flag.name}"`, completionOf(flag))),
  );
  const ownFlags = own.map(
    ([command, { flags: those = [], hasAllFlags = false }]) =>
      `    ${command}) flags="${bashFlags(those)}${hasAllFlags ? " $flags" : ""}" ;;\n`,
  );
  const words = own.flatMap(([command, { word }]) =>
    word === undefined ? [] : bashCase(command, wordCompletion(word)),
  );
  return `# bash completions of promtap
_promtap() {
  local current=\${COMP_WORDS[COMP_CWORD]} flag=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]} word
  local flags="${all}"
  if [[ $current == "=" ]]; then current=; fi
  if [[ $flag == "=" ]]; then flag=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for word in "\${COMP_WORDS[@]:0:COMP_CWORD}"; do if [[ $word == -- ]]; then command=run; fi; done
  COMPREPLY=()
  case "$command $flag" in
${ownCases.join("")}  esac
  case $flag in
${cases.join("")}  esac
  if ((COMP_CWORD > 1)); then
    case $command in
${ownFlags.join("")}    esac
  fi
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
    if [[ \${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
  elif ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${Object.keys(commands).join(" ")}' -- "$current"))
  elif ((COMP_CWORD == 2)); then
    case $command in
${words.join("")}    esac
  fi
}
complete -F _promtap promtap
`;
}

function bashFlags(flags: readonly OwnFlag[]): string {
  return flags.map((flag) => `--${flag.name}${hasValue(flag) ? "=" : ""}`).join(" ");
}

function bashCase(pattern: string, completion: Completion): string {
  return `    ${pattern}) ${bashAction(completion)} ;;\n`;
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

function zshCompletions(flags: readonly Flag[], commands: Commands, behind: AllBehind): string {
  const specifications = flags.flatMap(zshFlag);
  const own = Object.entries(behind).map(([command, { flags: ownFlags = [], hasAllFlags = false, word }]) => {
    const those = [...ownFlags.flatMap(zshFlag), ...(hasAllFlags ? ["$flags"] : [])];
    const second = word === undefined ? [] : [`'2: :${zshWord(word)}'`];
    const named = typeof word === "object" ? `local -a behind=(${zshDescribed(word)}); ` : "";
    return `    ${command}) ${named}_arguments -s ${[...those, "'1: :'", ...second].join(" ")}; return ;;\n`;
  });
  return `#compdef promtap
local -a commands=(${zshDescribed(commands)})
local -a flags=(
  ${specifications.join("\n  ")}
)
local -a former=($words[1,CURRENT-1])
if ((CURRENT > 2 && ! $former[(I)--])); then
  case $words[2] in
${own.join("")}  esac
fi
_arguments -s $flags '1: :{_describe command commands}'
`;
}

function zshFlag(flag: OwnFlag & Partial<Flag>): string[] {
  const { name, short, value, isRepeatable = false } = flag;
  const about = `[${zshQuoted(firstSentence(flag.help))}]`;
  const action = value === undefined ? "" : `:${zshQuoted(value)}:${zshAction(completionOf(flag))}`;
  const times = isRepeatable ? "*" : "";
  const long = `'${times}--${name}${value === undefined ? "" : "="}${about}${action}'`;
  return short === undefined ? [long] : [long, `'${times}-${short}${value === undefined ? "" : "+"}${about}${action}'`];
}

function zshWord(word: Commands | "FILE"): string {
  return word === "FILE" ? "_files" : "{_describe word behind}";
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

function fishCompletions(flags: readonly Flag[], commands: Commands, behind: AllBehind): string {
  const own = Object.entries(behind);
  const others = own.flatMap(([command, { hasAllFlags = false }]) => (hasAllFlags ? [] : command));
  const lines = flags.map((flag) => fishFlag(flag, `not __fish_seen_subcommand_from ${others.join(" ")}`));
  const first = Object.entries(commands).map(
    ([name, about]) => `complete -c promtap -n __fish_use_subcommand -a ${name} -d ${fishQuoted(about)}`,
  );
  const second = own.flatMap(([command, { flags: ownFlags = [], word }]) => {
    const condition = `__fish_seen_subcommand_from ${command}`;
    const words = typeof word === "object" ? Object.entries(word) : [];
    return [
      ...(word === "FILE" ? [`complete -c promtap -n '${condition}' -F`] : []),
      ...words.map(([name, about]) => `complete -c promtap -n '${condition}' -a ${name} -d ${fishQuoted(about)}`),
      ...ownFlags.map((flag) => fishFlag(flag, condition)),
    ];
  });
  return ["# fish completions of promtap", "complete -c promtap -f", ...first, ...second, ...lines, ""].join("\n");
}

function fishFlag(flag: OwnFlag & Partial<Flag>, condition: string): string {
  const short = flag.short === undefined ? "" : ` -s ${flag.short}`;
  const about = `-d ${fishQuoted(firstSentence(flag.help))}`;
  const action = flag.value === undefined ? "" : fishAction(completionOf(flag));
  return `complete -c promtap -n '${condition}'${short} -l ${flag.name}${action} ${about}`;
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

function hasValue({ value }: OwnFlag): boolean {
  return value !== undefined;
}

function wordCompletion(word: Commands | "FILE"): Completion {
  return word === "FILE" ? { kind: "files", words: "" } : { kind: "words", words: Object.keys(word).join(" ") };
}

function completionOf({ value, choices }: OwnFlag): Completion {
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
