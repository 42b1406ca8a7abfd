import { once } from "node:events";
import { lstatSync, type Stats, unlinkSync } from "node:fs";
import { chmod, chown, link, lstat, open, readFile, rename, rm, unlink } from "node:fs/promises";
import { createConnection, type Server } from "node:net";
import { dirname } from "node:path";
import { ErrorCode, PromtapError } from "../errors.ts";

/** A socket in the file system, and who may connect to it. */
export interface UnixAddress {
  kind: "unix";
  path: string;
  /** Permissions of its file. */
  mode: number;
  /** Name or number of the group of its file; null leaves it to that of the process. */
  group: string | null;
}

/** No client can connect to a socket that is not ready. */
const UNREADY_UMASK = 0o177;
/** open(2): a descriptor that only stands for a place, which needs no permission to read it. */
const O_PATH = 0o10000000;
const GROUPS = "/etc/group";
const ADVICE = "; give another with --web.listen-address";
const IN_USE = `the socket is in use by another process${ADVICE}`;

/**
 * Makes the server listen on a path, in the place of a socket that nobody listens on any more, and returns what takes
 * the socket's file away. libuv would remove the path it has bound at the end, whosever file that is by then. So the
 * socket is bound under another name, and linked to its own one, which fails if there is one, as binding does.
 */
export async function listenOnPath(server: Server, { path, mode, group }: UnixAddress): Promise<() => void> {
  const gid = group === null ? undefined : await gidOf(group);
  // By way of the folder's descriptor: unix(7) has room for 107 bytes, which the path itself may need all.
  await using folder = await open(dirname(path), O_PATH);
  const temporary = `/proc/self/fd/${folder.fd}/.${Math.random().toString(36).slice(2)}`;
  await bindUnready(server, temporary);
  try {
    if (gid !== undefined) await giveTo(temporary, group!, gid);
    await chmod(temporary, mode);
    const own = await lstat(temporary);
    await linkTo(temporary, path);
    return () => removeOwn(path, own);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function bindUnready(server: Server, path: string): Promise<void> {
  const umask = process.umask(UNREADY_UMASK);
  try {
    // Binds before it returns.
    server.listen({ path });
  } finally {
    process.umask(umask);
  }
  await once(server, "listening");
}

async function linkTo(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    const stale = await judgeOther(path);
    await replace(temporary, path, stale);
  }
}

/**
 * Takes the place of a socket that nobody listens on. Of two that have found the same one, the second would take the
 * place of the first: so the right to replace it is a link to the own socket, by a name that only one can give.
 */
async function replace(temporary: string, path: string, stale: Stats): Promise<void> {
  const claim = `${dirname(temporary)}/.promtap-${stale.ino}`;
  await claimPlace(temporary, claim);
  try {
    const { dev, ino } = await judgeOther(path);
    if (dev !== stale.dev || ino !== stale.ino) throw refusal(IN_USE);
    await rename(temporary, path);
  } finally {
    await unlink(claim);
  }
}

async function claimPlace(temporary: string, claim: string): Promise<void> {
  try {
    await link(temporary, claim);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    // What holds it listens, unless it was killed meanwhile; what held it until now has taken the place.
    await judgeOther(claim).catch((other: unknown) => {
      throw codeOf(other) === "ENOENT" ? refusal(IN_USE) : other;
    });
    await unlink(claim);
    await link(temporary, claim);
  }
}

/** Throws unless there is a socket that nobody listens on: its file outlives a process that was killed. */
async function judgeOther(path: string): Promise<Stats> {
  const other = await lstat(path);
  if (!other.isSocket()) throw refusal(`there is a file that is not a socket${ADVICE}`);
  const connection = createConnection(path);
  try {
    await once(connection, "connect");
  } catch (error) {
    if (codeOf(error) === "ECONNREFUSED") return other;
    if (codeOf(error) === "EACCES") throw refusal(`there is a socket that this user may not connect to${ADVICE}`);
  } finally {
    connection.destroy();
  }
  throw refusal(IN_USE);
}

/** Removes the file, if it is still that of our socket. Before the socket is closed, others take it for one in use. */
function removeOwn(path: string, own: Stats): void {
  try {
    const { dev, ino } = lstatSync(path);
    if (dev === own.dev && ino === own.ino) unlinkSync(path);
  } catch {
    // Gone, or in a folder that is ours no more: the next one replaces it.
  }
}

/** By the file alone: groups of a directory service are given by number. */
async function gidOf(group: string): Promise<number> {
  if (/^[0-9]+$/.test(group)) return Number(group);
  const lines = (await readFile(GROUPS, "utf8")).split("\n").map((line) => line.split(":"));
  const gid = lines.find(([name]) => name === group)?.[2];
  if (gid !== undefined) return Number(gid);
  throw refusal(`${GROUPS} has no group ${group}; give another, or a number, with --web.socket-group`);
}

async function giveTo(path: string, group: string, gid: number): Promise<void> {
  try {
    await chown(path, -1, gid);
  } catch (error) {
    if (codeOf(error) !== "EPERM") throw error;
    throw refusal(`this user may not give the socket to the group ${group}, in which it is not`);
  }
}

/** The reason, and what to do. */
function refusal(reason: string): PromtapError {
  return new PromtapError(ErrorCode.HOST, reason);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
