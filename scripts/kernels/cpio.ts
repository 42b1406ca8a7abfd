/** A file of an archive that the kernel unpacks as its first root: cpio's form "newc", kernel's initramfs buffer format. */
export interface CpioFile {
  readonly path: string;
  /** Undefined of a folder. */
  readonly content?: Uint8Array | undefined;
}

const MAGIC = "070701";
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const TRAILER = "TRAILER!!!";

/** Every file is executable, and root's. */
export function cpio(files: readonly CpioFile[]): Buffer {
  const entries = files.flatMap(({ path, content }, index) =>
    entry(index + 1, path, (content === undefined ? S_IFDIR : S_IFREG) | 0o755, content ?? new Uint8Array()),
  );
  return Buffer.concat([...entries, ...entry(0, TRAILER, 0, new Uint8Array())]);
}

function entry(inode: number, path: string, mode: number, content: Uint8Array): Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, uid, gid, links, time, bytes, device of two numbers, that of a node, bytes of the name, sum
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(MAGIC + fields.map((field) => field.toString(16).padStart(8, "0")).join(""));
  return [...padded(Buffer.concat([header, name])), ...padded(content)];
}

function padded(bytes: Uint8Array): Uint8Array[] {
  return [bytes, new Uint8Array(-bytes.length & 3)];
}
