import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { COMMANDS } from "../src/cli/commands.ts";
import { MANUALS, manualPaths } from "../src/cli/manuals.ts";
import { scanFlags } from "../src/cli/scan.ts";
import { ENGINES } from "../src/config/capture.ts";
import { configOf } from "../src/daemon/config.ts";
import { DROP_IN_NAMES, type DropInName, dropInText } from "../src/install/drop-ins.ts";
import { readSources, root } from "./architecture/source-tree.ts";
import { type Captured, pcap } from "./capture/savefile/captures.ts";
import { type ParsedFamily, parseExposition } from "./page/exposition-parser.ts";
import { ipv4Frame, ipv6Frame, PROTOCOL_TCP } from "./support/frames.ts";
import { TemporaryFolder } from "./support/temporary-folder.ts";

/** Commands that take the flags of promtap itself. */
const TAKES_FLAGS = ["run", "check", "config"];
/** The text of a manual, by its path. */
const manual = (path: string): string => readFileSync(join(root, path), "utf8");
const readme = manual("README.md");
const map = manual(MANUALS.sources.path);
/** All manuals but the overview, which repeats some of what they hold. */
const manuals = manualPaths.filter((path) => path !== "README.md").map(manual);
const all = [readme, ...manuals];
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  scripts: Record<string, string>;
} & Record<"dependencies" | "devDependencies" | "optionalDependencies", Record<string, string>>;

/** The text under a heading, up to the next one; HELP and TYPE are lines of pages. */
function section(text: string, title: string): string {
  const found = text.split(/^#+ (?!HELP |TYPE )/m).find((part) => part.startsWith(`${title}\n`));
  assert.ok(found !== undefined, `there is no section ${title}`);
  return found;
}

/** The cells of all rows of tables, without heads; `head`: only of tables whose head begins with these. */
function rows(text: string, ...head: readonly string[]): string[][] {
  const tables = [...text.matchAll(/^(\|.*)\n\| -[- |]*\n((?:\|.*\n)+)/gm)];
  const wanted = tables.filter(([, top = ""]) => head.every((title, column) => cells(top)[column] === title));
  return wanted.flatMap(([, , body = ""]) => body.trim().split("\n")).map(cells);
}

function cells(row: string): string[] {
  return row
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** What stands between backquotes. */
function codes(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

function codeBlocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , body = ""]) => body);
}

function promtap(...args: string[]): string {
  return execFileSync(process.execPath, [join(root, "src/main.ts"), ...args], { encoding: "utf8", stdio: "pipe" });
}

describe("the manuals' flags", () => {
  test("are those of --help, with the same defaults", () => {
    const help = promtap("--help").split(/^(?= {2}(?:-\w, | {4})--)/m);
    const expected = help.slice(1).map((text) => {
      const [, short, long = ""] = /^ {2}(-\w)?,? +(--[\w.-]+)/.exec(text) ?? [];
      const spellings = short === undefined ? [long] : [short, long];
      return [...spellings, /\(default: ([^;)\s]+)/.exec(text)?.[1] ?? ""].join(" ");
    });
    const found = manuals.flatMap(flagsIn);
    assert.ok(expected.length > 10);
    assert.deepEqual(found.toSorted(), expected.toSorted());
    assert.deepEqual(
      flagsIn(readme).filter((flag) => !expected.includes(flag)),
      [],
    );
  });

  test("are legal in every command it shows", () => {
    const commands = all
      .flatMap((text) => codeBlocks(text, "sh"))
      .flatMap((block) => block.split("\n"))
      .filter((line) => line.startsWith("promtap "));
    assert.ok(commands.length > 3);
    for (const command of commands) {
      const args = command.split(" ").slice(1);
      if (Object.hasOwn(COMMANDS, args[0]!) && !TAKES_FLAGS.includes(args[0]!)) continue;
      assert.doesNotThrow(() => configOf(scanFlags(args.map((arg) => arg.replaceAll("'", "")))), command);
    }
  });

  test("are legal in every range it shows", () => {
    const ranges = [readme, manual(MANUALS.traffic.path)].flatMap((text) =>
      rows(section(text, "Ranges")).flatMap(([range = ""]) => codes(range)),
    );
    assert.ok(ranges.length > 10);
    for (const range of ranges) assert.doesNotThrow(() => configOf(new Map([["range", [range]]])), range);
  });
});

/** Spellings and default of every flag in a table of flags. */
function flagsIn(text: string): string[] {
  return rows(text, "Flag").map(([flag = "", value = ""]) =>
    [...codes(flag).map((spelling) => spelling.split(" ")[0]!), codes(value)[0]?.split(" ")[0] ?? ""].join(" "),
  );
}

/** Every family: those of a page that counts IPv4 and IPv6, from a file, and those of the golden pages of features. */
function allFamilies(): Map<string, ParsedFamily> {
  const folder = join(root, "test/golden");
  const pages = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  const golden = pages.map((name) => parseExposition(readFileSync(join(folder, name)), "text"));
  return new Map([...golden.flatMap((families) => [...families]), ...realPage()]);
}

function realPage(): Map<string, ParsedFamily> {
  const protocol = PROTOCOL_TCP;
  const frames: Captured[] = [
    ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol, lengthBytes: 100 }),
    ipv6Frame({ source: "2001:db8::1", destination: "2001:db8::2", protocol, lengthBytes: 100 }),
  ];
  using folder = new TemporaryFolder();
  const file = join(folder.path, "frames.pcap");
  writeFileSync(file, Uint8Array.from(pcap({ order: "little" }, frames).flat()));
  const flags = ["--inner", "--by=vlan", "--log.level=error", "-r10.0.0.0/24:site=a", "-r2001:db8::/64:site=a"];
  const page = promtap("--read", file, "--once", ...flags);
  return parseExposition(Buffer.from(page), "text");
}

describe("the manuals' metrics", () => {
  const listed = all
    .flatMap((text) => rows(text, "Name", "Type"))
    .map(([name = "", type = "", labels = ""]) => ({ name: codes(name)[0]!, type, labels }));
  const page = allFamilies();

  test("are those of real and golden pages, with the same types", () => {
    assert.deepEqual(
      listed.map(({ name, type }) => `${name} ${type}`).toSorted(),
      [...page.values()].map(({ name, type }) => `${name} ${type}`).toSorted(),
    );
  });

  test("are all that the collectors name", () => {
    const sources = readSources().filter(({ path }) => path.startsWith("collectors/"));
    const named = sources.flatMap(({ text }) =>
      [...text.matchAll(/"(prom(?:tap|acct)_\w+)"/g)].map(([, name]) => name),
    );
    assert.ok(named.includes("promtap_interface_up"));
    const names = new Set<string | undefined>(listed.map(({ name }) => name));
    assert.deepEqual(
      named.filter((name) => !names.has(name)),
      [],
    );
  });

  test("have the labels of a real page", () => {
    let labels = "";
    for (const row of listed) {
      if (row.labels !== "the same") labels = row.labels;
      const ofRange = labels.includes("those of the range") ? ["site"] : [];
      const ofList = labels.includes("those of the list") ? ["customer", "environment"] : [];
      const given = ["le", ...ofRange, ...ofList, ...codes(labels)];
      const found = page.get(row.name)!.samples.flatMap((sample) => sample.labels.map(([label]) => label));
      assert.deepEqual(
        found.filter((label) => !given.includes(label)),
        [],
        row.name,
      );
    }
  });

  test("stand in a sample page that is well formed", () => {
    const [sample = ""] = codeBlocks(section(readme, "What a page looks like"), "text");
    const families = parseExposition(Buffer.from(sample), "text");
    assert.ok(families.size > 2);
    for (const { name, type } of families.values()) assert.equal(type, page.get(name)?.type, name);
  });
});

describe("the manuals", () => {
  test("are all the README.md there are, a topic each, and the overview lists them", () => {
    const there = ["README.md", ...globSync("{src,scripts,test}/**/README.md", { cwd: root })];
    assert.deepEqual(manualPaths.toSorted(), there.toSorted());
    const listed = rows(readme, "`promtap help`").map(([topic = "", link = ""]) => [
      codes(topic)[0],
      /\]\((.*)\)/.exec(link)?.[1] ?? "README.md",
    ]);
    assert.deepEqual(
      listed,
      Object.entries(MANUALS).map(([topic, { path }]) => [topic, path]),
    );
  });

  test("begin with an overview of 300 lines at most", () => {
    assert.ok(readme.split("\n").length - 1 <= 300);
  });

  test("compare the engines that --engine takes", () => {
    for (const text of [readme, manual(MANUALS.capture.path)]) {
      const [, ...engines] = cells(/^\|.*`ring`.*\|$/m.exec(section(text, "Engines"))![0]);
      assert.deepEqual(
        engines.flatMap(codes).toSorted(),
        ENGINES.filter((name) => name !== "auto").toSorted((a, b) => (a < b ? -1 : 1)),
      );
    }
  });

  test("ask for the capabilities that the drop-ins give", () => {
    const given = (name: DropInName): string =>
      /^AmbientCapabilities=(.*)$/m.exec(dropInText(name))?.[1]?.replaceAll(" ", ", ") ?? "none";
    const [bpf, tcx, ring] = [given("capture-bpf"), given("capture-tcx"), given("capture-ring")];
    for (const text of [readme, manual(MANUALS.capture.path)]) {
      const [, ...needs] = rows(section(text, "Engines")).find(([title]) => title === "Needs")!;
      assert.deepEqual(needs, [bpf, tcx, ring, `${ring}, a build with libpcap`]);
    }
    const needs = new Map(rows(section(readme, "Capabilities")).map(([what, needed]) => [what, needed]));
    assert.deepEqual([needs.get("`bpf`"), needs.get("`tcx`"), needs.get("`ring`, `pcap`")], [bpf, tcx, ring]);
    assert.ok(readme.includes(`\`${bpf.toLowerCase().replaceAll(" ", "")}+ep\` for \`bpf\``));
    const table = rows(section(manual(MANUALS.install.path), "What the service may do"), "Drop-in");
    assert.deepEqual(
      new Map(table.map(([name, , capabilities]) => [codes(name!)[0], capabilities])),
      new Map(DROP_IN_NAMES.map((name) => [name, given(name)])),
    );
  });

  test("name every dependency, with its version", () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const wanted = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
    const found = rows(section(manual(MANUALS.building.path), "Dependencies")).flatMap(([names = "", version]) =>
      codes(names).map((name) => `${name} ${version}`),
    );
    assert.deepEqual(found.toSorted(), wanted.map(([name, range]) => `${name} ${range.split("@").at(-1)}`).toSorted());
  });

  test("name commands that package.json has", () => {
    const commands = [...all.join("\n").matchAll(/\bnpm run (\S+?)[`\s]/g)].map(([, name = ""]) => name);
    assert.ok(commands.length > 2);
    for (const name of commands) assert.ok(Object.hasOwn(manifest.scripts, name), name);
  });

  test("name the tarball as the build does, and the version that the change log begins with", () => {
    const tarballs = [...all.join("\n").matchAll(/promtap-([\d.]+)-linux-x64\.tar\.gz/g)].map(([, version]) => version);
    assert.deepEqual([...new Set(tarballs)], [manifest.version]);
    const changes = readFileSync(join(root, "CHANGELOG.md"), "utf8");
    assert.ok(changes.startsWith(`## ${manifest.version} `));
  });
});

/** What links to headings of a text name: titles in lower case, with dashes. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) => title.toLowerCase().replaceAll(" ", "-"));
}

for (const path of manualPaths) {
  test(`${path} links to files and headings that are there`, () => {
    const isThere = (target: string): boolean => {
      const [file = "", anchor] = target.split("#");
      const linked = file === "" ? path : join(dirname(path), file);
      if (!existsSync(join(root, linked))) return false;
      return anchor === undefined || anchorsOf(manual(linked)).includes(anchor);
    };
    const targets = [...manual(path).matchAll(/\]\(([^):]+)\)/g)].map(([, target = ""]) => target);
    assert.deepEqual(
      targets.filter((target) => !isThere(target)),
      [],
    );
  });
}

describe("the map", () => {
  const table = section(map, "The map");
  const imports = section(map, "What may import what");

  test("has a line for every folder and file, and for no other", () => {
    const entries = readdirSync(join(root, "src"), { withFileTypes: true });
    const places = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    assert.deepEqual(
      rows(table)
        .flatMap(([place = ""]) => codes(place))
        .toSorted(),
      places.filter((place) => place !== "README.md").toSorted(),
    );
  });

  test("allows every import that there is", () => {
    const allowed = new Map(
      rows(imports).flatMap(([places = "", names = ""]) =>
        codes(places).map((place) => [place, names === "everything" ? [""] : [place, ...codes(names)]] as const),
      ),
    );
    const offences = readSources().flatMap(({ path, imports: imported }) => {
      const place = path.replace(/\/.*/, "/");
      const names = allowed.get(place) ?? [];
      return imported.filter((each) => !names.some((name) => each.startsWith(name))).map((each) => `${path}: ${each}`);
    });
    assert.deepEqual(offences, []);
  });
});
