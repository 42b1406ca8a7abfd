import type koffiModule from "koffi";

import { loadAddon } from "./addon.ts";

/**
 * Helper threads of libuv, in which the calls run that have the kernel wait, and files are read. They start at the first
 * need. Hundreds of packet sockets are opened and closed several times as fast as with the usual 4.
 */
process.env["UV_THREADPOOL_SIZE"] = "16";

/** What calls functions of C, in the version that the build checks. */
export type Koffi = typeof koffiModule;

/**
 * Loads koffi at the first call: what needs no function of C must run where no addon can be loaded. Its native part is
 * all of it; its JavaScript finds that part in node_modules, and warns of old names. Throws PromtapError.
 */
export const koffi: () => Koffi = once(() => {
  const loaded = loadAddon("koffi.node") as Koffi;
  // A call runs on its own stack; ours pass a few words.
  loaded.config({ sync_stack_size: 64 * 1024, sync_heap_size: 16 * 1024 });
  return loaded;
});

/** A value that is made on first use. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
