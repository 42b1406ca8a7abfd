import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import type { Ingredients } from "../product.ts";
import { type DropInName, dropInText } from "../../src/install/drop-ins.ts";
import { socketText } from "../../src/install/units.ts";
import { addonEntries, commandLineEntries, documentEntries, readText, unitEntries } from "../release.ts";
import type { Entry } from "../tree.ts";

export const UNIT = "lib/systemd/system/promtap.service";
/** Those that are in force from the start: a service without a flag counts traffic, and systemd listens for it. */
export const IN_FORCE: readonly DropInName[] = ["capture-bpf", "socket"];
export const DEFAULTS = "etc/default/promtap";
export const DOCUMENTS = "usr/share/doc/promtap";

/** What a package installs, by the Filesystem Hierarchy Standard; `binary` is the path of the program here. */
export function installedEntries(ingredients: Ingredients, binary: string): Entry[] {
  const [page, ...completions] = commandLineEntries(
    "usr/share/man/man8/promtap.8.gz",
    "usr/share/bash-completion/completions/promtap",
    "usr/share/zsh/vendor-completions/_promtap",
    "usr/share/fish/vendor_completions.d/promtap.fish",
  );
  const below = (folder: string, entries: readonly Entry[]): Entry[] =>
    entries.map((entry) => ({ ...entry, path: join(folder, entry.path) }));
  return [
    { path: "usr/bin/promtap", content: readFileSync(binary), isExecutable: true },
    // where src/native/addon.ts looks for them
    ...below("usr/lib/promtap", addonEntries(ingredients)),
    { path: UNIT, content: unit() },
    ...IN_FORCE.map((name) => ({ path: join(`${UNIT}.d`, `${name}.conf`), content: dropInText(name) })),
    { path: "lib/systemd/system/promtap.socket", content: socketText("promtap", ["9112"]) },
    { path: DEFAULTS, content: defaults() },
    { ...page!, content: compressed(page!.content) },
    ...completions,
    ...below(DOCUMENTS, [...unitEntries(), ...documentEntries(ingredients)]),
  ];
}

/** As Debian's policy and rpm's readers want manual pages and changelogs; without a time or a name in it. */
export function compressed(content: string | Uint8Array): Uint8Array {
  return gzipSync(content, { level: 9 });
}

/** The release's unit, for a program that is not the administrator's own. */
function unit(): string {
  return readText("src/assets/promtap.service").replaceAll("/usr/local/bin/promtap", "/usr/bin/promtap");
}

function defaults(): string {
  return `# Flags for promtap, as its unit gives them; promtap --help lists them, and promtap check tells what they come to.
# To count every address of a network: ARGS="-r 192.168.1.0/24"
# Where the page is served is promtap.socket's to say, port 9112: systemctl edit promtap.socket. Flags that need more than
# the unit gives, such as --iptables and --web.listen-address, need a drop-in: promtap help install.
ARGS=""
`;
}
