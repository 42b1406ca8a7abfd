import { execFile } from "node:child_process";
import { link, lstat, mkdir, open, readdir, readFile, readlink, rename, rm, rmdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ErrorCode, PromtapError } from "../errors.ts";
import { reasonOf } from "../files/bounded-file.ts";

const execute = promisify(execFile);

/** A file as it is to be. */
export interface WantedFile {
  readonly path: string;
  readonly content: Uint8Array | string;
  readonly isProgram?: boolean;
}

/** A symbolic link as it is to be. */
export interface WantedLink {
  readonly path: string;
  readonly target: string;
}

const FILE_MODE = 0o644;
const PROGRAM_MODE = 0o755;
/** Files whose text is told when nothing is written. */
const TOLD = /^\/etc\//;

/** Where it is installed: this machine or the image of another one; and whether anything changes, or is told alone. */
export class Machine {
  readonly #root: string;
  readonly #isDry: boolean;
  readonly #say: (line: string) => void;

  /** `root`: of an image; "" is this machine. */
  constructor(root: string, isDry: boolean, say: (line: string) => void) {
    this.#root = root;
    this.#isDry = isDry;
    this.#say = say;
  }

  get isImage(): boolean {
    return this.#root !== "";
  }

  /** Where a path of the machine is here. */
  at(path: string): string {
    return this.#root === "" ? path : join(this.#root, path);
  }

  say(line: string): void {
    this.#say(line);
  }

  /** What is at a path: the bytes of a file, where a link leads, or that it is something else; undefined: nothing. */
  async look(path: string): Promise<Buffer | { link: string } | "something else" | undefined> {
    try {
      const status = await lstat(this.at(path));
      if (status.isSymbolicLink()) return { link: await readlink(this.at(path)) };
      return status.isFile() ? await readFile(this.at(path)) : "something else";
    } catch (error) {
      if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return undefined;
      throw failure("read", path, error);
    }
  }

  async names(folder: string): Promise<string[]> {
    try {
      return await readdir(this.at(folder));
    } catch (error) {
      if (hasCode(error, "ENOENT")) return [];
      throw failure("read", folder, error);
    }
  }

  /** Writes files, all of them or none: each gets its name when all are on the disk. */
  async write(files: readonly WantedFile[]): Promise<void> {
    for (const { path } of files) this.#tell("write", path);
    if (this.#isDry) {
      for (const { path, content } of files) if (TOLD.test(path)) this.#say(`\n==> ${path} <==\n${content.toString()}`);
      return;
    }
    await using drafts = new AsyncDisposableStack();
    for (const file of files) {
      drafts.defer(() => rm(this.#draftOf(file.path), { force: true }).catch(() => {}));
      await doing("write", file.path, () => this.#writeDraft(file));
    }
    for (const { path } of files) await doing("write", path, () => rename(this.#draftOf(path), this.at(path)));
  }

  async #writeDraft({ path, content, isProgram = false }: WantedFile): Promise<void> {
    const draft = this.#draftOf(path);
    await mkdir(dirname(draft), { recursive: true });
    // A link that a run before left there, or anybody else, is not followed.
    await rm(draft, { force: true });
    await using file = await open(draft, "wx", isProgram ? PROGRAM_MODE : FILE_MODE);
    await file.writeFile(content);
    // whatever the umask is
    await file.chmod(isProgram ? PROGRAM_MODE : FILE_MODE);
    await file.sync();
  }

  #draftOf(path: string): string {
    return `${this.at(path)}.promtap-draft`;
  }

  /** Makes a link in the place of what is there. */
  async link({ path, target }: WantedLink): Promise<void> {
    this.#tell("link", `${path} -> ${target}`);
    if (this.#isDry) return;
    await doing("link", path, async () => {
      const draft = this.#draftOf(path);
      await mkdir(dirname(draft), { recursive: true });
      await rm(draft, { force: true });
      await symlink(target, draft);
      await rename(draft, this.at(path));
    });
  }

  /** Gives a file another name, in the place of what has it. */
  async rename(from: string, to: string): Promise<void> {
    this.#tell("rename", `${from} -> ${to}`);
    if (!this.#isDry) await doing("rename", from, () => rename(this.at(from), this.at(to)));
  }

  /** Gives a file a further name, in the place of what has it. */
  async keep(path: string, as: string): Promise<void> {
    this.#tell("keep", `${path} as ${as}`);
    if (this.#isDry) return;
    await doing("keep", path, async () => {
      const draft = this.#draftOf(as);
      await rm(draft, { force: true });
      await link(this.at(path), draft);
      await rename(draft, this.at(as));
    });
  }

  /** Removes what is there, if anything is, and the folder it was in if that is empty and `isFolderOurs`. */
  async remove(path: string, isFolderOurs = false): Promise<void> {
    this.#tell("remove", path);
    if (this.#isDry) return;
    await doing("remove", path, () => rm(this.at(path), { recursive: true, force: true }));
    if (!isFolderOurs) return;
    try {
      await rmdir(dirname(this.at(path)));
    } catch (error) {
      if (!hasCode(error, "ENOTEMPTY") && !hasCode(error, "ENOENT")) throw failure("remove", dirname(path), error);
    }
  }

  /** Runs a command of this machine, not in an image; returns what it printed. Throws PromtapError with its last words. */
  async run(command: readonly [string, ...string[]], timeoutMs = 0): Promise<string> {
    this.#tell("run", command.join(" "));
    return this.#isDry ? "" : runProgram(command, timeoutMs);
  }

  #tell(verb: string, what: string): void {
    this.#say(this.#isDry ? `would ${verb} ${what}` : `${verb} ${what}`);
  }
}

/** Runs a program to its end; `timeoutMs`: 0 waits for ever. Throws PromtapError with its last words. */
export async function runProgram([program, ...args]: readonly [string, ...string[]], timeoutMs = 0): Promise<string> {
  try {
    const { stdout } = await execute(program, args, { timeout: timeoutMs, killSignal: "SIGTERM" });
    return stdout;
  } catch (error) {
    const { stderr = "", stdout = "", code, killed } = error as Partial<Record<string, string | boolean>>;
    const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
    const words = killed === true ? `took longer than ${timeoutMs / 1000} s` : (lines.at(-1) ?? `ended with ${code}`);
    throw new PromtapError(ErrorCode.HOST, `${[program, ...args].join(" ")}: ${words}`, { cause: error });
  }
}

async function doing(verb: string, path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw failure(verb, path, error);
  }
}

function failure(verb: string, path: string, error: unknown): PromtapError {
  return new PromtapError(ErrorCode.HOST, `couldn't ${verb} ${path}: ${reasonOf(error)}`, { cause: error });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
