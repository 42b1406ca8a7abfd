import { closeSync } from "node:fs";
import koffi from "koffi";

/*
 * fanotify(7): until this process answers, which it does not, whoever opens a file of the folder waits for it, as for a
 * disk that does not answer.
 */
const FAN_CLOEXEC = 0x1;
const FAN_CLASS_CONTENT = 0x4;
const FAN_MARK_ADD = 0x1;
const FAN_OPEN_PERM = 0x0001_0000;
const FAN_EVENT_ON_CHILD = 0x0800_0000;
const AT_FDCWD = -100;

const c = koffi.load("libc.so.6");
const init = c.func("int fanotify_init(uint32_t flags, uint32_t event_flags)");
const mark = c.func("int fanotify_mark(int fd, uint32_t flags, uint64_t mask, int folder, const char *path)");

/** Why the kernel lets no process decide on what others open; false if it does. */
export function lackingStuckFolder(): string | false {
  const fd = init(FAN_CLOEXEC | FAN_CLASS_CONTENT, 0) as number;
  if (fd >= 0) closeSync(fd);
  return fd < 0 && "needs fanotify with permission events";
}

/** No file of a folder can be opened until this is disposed of: who tries waits as long. */
export class StuckFolder implements Disposable {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = init(FAN_CLOEXEC | FAN_CLASS_CONTENT, 0) as number;
    if (mark(this.#fd, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD, path) !== 0) {
      throw new Error(`couldn't watch what is opened in ${path}`);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
