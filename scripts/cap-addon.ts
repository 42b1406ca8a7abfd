import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { root, run } from "./project.ts";
import { HARDENING, HARDENING_LINKED } from "./hardening.ts";
import { buildLibpcap, type Libpcap } from "./libpcap.ts";
import { type Target, toolOf } from "./target.ts";

export interface Replacement {
  readonly from: string;
  readonly to: string;
}

/**
 * What cap 0.2.1 gets wrong on Linux for a daemon that links libpcap statically:
 * - it looks for pcap_set_immediate_mode in whatever libpcap.so the machine has, and hands it our handle;
 * - it writes to stderr for an interface without an IPv4 address though nothing is wrong;
 * - it asserts, and so aborts the process, when polling fails, as it does when the interface vanishes: libuv has
 *   stopped the handle by then (uv__poll_io in unix/poll.c);
 * - it frees its poll handle without uv_close, which leaves a dangling entry in the loop's list of handles;
 * - it takes an object whose open() failed for an open one: the collector's finalizer stops a poll handle that was
 *   never initialised, and drops a reference that was never taken, which asserts;
 * - it holds a Nan::AsyncResource, whose destructor asks for the current context, which there is none of while the
 *   collector runs: a segmentation fault now and then.
 * Besides, it cannot compile a filter without an interface to capture on: for the frames of a file, as tcpdump -r does,
 * and for those of a packet socket that is opened elsewhere, whose VLAN tags the kernel keeps beside the frame.
 */
export const REPLACEMENTS: readonly Replacement[] = [
  {
    from: `  typedef void* (*set_immediate_fn)(pcap_t *p, int immediate);
  void* _pcap_lib_handle = dlopen("libpcap.so", RTLD_LAZY);
  set_immediate_fn set_immediate_mode =
    (set_immediate_fn)(dlsym(_pcap_lib_handle, "pcap_set_immediate_mode"));
`,
    to: "",
  },
  {
    from: `      if (set_immediate_mode != nullptr)
        set_immediate_mode(obj->pcap_handle, 1);
`,
    to: `      if (pcap_set_immediate_mode(obj->pcap_handle, 1) != 0)
        return Nan::ThrowError("Unable to set immediate mode");
`,
  },
  {
    from: `        fprintf(stderr, "Warning: %s - This may not actually work\\n", errbuf);
`,
    to: "",
  },
  {
    from: `    static void cb_packets(uv_poll_t* handle, int status, int events) {
      assert(status == 0);
`,
    to: `    static void cb_packets(uv_poll_t* handle, int status, int events) {
      if (status != 0)
        return;
`,
  },
  { from: "    Nan::AsyncResource async_res;\n", to: "" },
  { from: `    Pcap() : async_res("cap:packet") {\n`, to: "    Pcap() {\n" },
  {
    from: "      obj->async_res.runInAsyncScope(\n",
    to: "      node::MakeCallback(\n        v8::Isolate::GetCurrent(),\n",
  },
  { from: "        emit_argv\n", to: "        emit_argv,\n        node::async_context{0, 0}\n" },
  { from: "    uv_poll_t poll_handle;\n", to: "    uv_poll_t* poll_handle = nullptr;\n" },
  {
    from: "        uv_poll_stop(&poll_handle);\n",
    to: `        if (poll_handle)
          uv_close((uv_handle_t*)poll_handle, [](uv_handle_t* h) { delete (uv_poll_t*)h; });
`,
  },
  {
    from: "        Unref();\n",
    to: `        if (poll_handle)
          Unref();
        poll_handle = nullptr;
`,
  },
  {
    from: `      r = uv_poll_init(uv_default_loop(), &obj->poll_handle, obj->fd);
      assert(r == 0);
      r = uv_poll_start(&obj->poll_handle, UV_READABLE, cb_packets);
      assert(r == 0);
      obj->poll_handle.data = obj;
`,
    to: `      obj->poll_handle = new uv_poll_t;
      r = uv_poll_init(uv_default_loop(), obj->poll_handle, obj->fd);
      assert(r == 0);
      r = uv_poll_start(obj->poll_handle, UV_READABLE, cb_packets);
      assert(r == 0);
      obj->poll_handle->data = obj;
`,
  },
  {
    from: `#include <pcap/pcap.h>
`,
    to: `#include <pcap/pcap.h>
// which is C
#define restrict __restrict
#include <pcap-int.h>
#undef restrict
`,
  },
  {
    from: `static NAN_METHOD(FindDevice) {
`,
    to: `// Compiles the expression info[1], returns its instructions, and closes the handle.
static void ReturnProgram(Nan::NAN_METHOD_ARGS_TYPE info, pcap_t* handle) {
  Nan::Utf8String expression(info[1]);
  struct bpf_program program;
  if (pcap_compile(handle, &program, *expression, 1, 0) == -1) {
    Nan::ThrowError(pcap_geterr(handle));
  } else {
    info.GetReturnValue().Set(
      Nan::CopyBuffer((const char*)program.bf_insns, program.bf_len * sizeof(struct bpf_insn)).ToLocalChecked());
    pcap_freecode(&program);
  }
  pcap_close(handle);
}

static NAN_METHOD(CompileFileFilter) {
  char reason[PCAP_ERRBUF_SIZE];
  FILE* file = fmemopen(Buffer::Data(info[0]), Buffer::Length(info[0]), "rb");
  pcap_t* handle = file == nullptr ? nullptr : pcap_fopen_offline(file, reason);
  if (handle == nullptr) {
    if (file != nullptr) fclose(file);
    return Nan::ThrowError(file == nullptr ? strerror(errno) : reason);
  }
  ReturnProgram(info, handle);
}

static NAN_METHOD(CompileLiveFilter) {
  pcap_t* handle = pcap_open_dead(Nan::To<int32_t>(info[0]).FromJust(), MAXIMUM_SNAPLEN);
  if (handle == nullptr)
    return Nan::ThrowError("out of memory");
  handle->bpf_codegen_flags |= BPF_SPECIAL_VLAN_HANDLING;
  ReturnProgram(info, handle);
}

static NAN_METHOD(FindDevice) {
`,
  },
  {
    from: `    Nan::Set(target,
             Nan::New<String>("findDevice").ToLocalChecked(),
`,
    to: `    Nan::Set(target,
             Nan::New<String>("compileFileFilter").ToLocalChecked(),
             Nan::GetFunction(Nan::New<FunctionTemplate>(CompileFileFilter))
               .ToLocalChecked()).FromJust();
    Nan::Set(target,
             Nan::New<String>("compileLiveFilter").ToLocalChecked(),
             Nan::GetFunction(Nan::New<FunctionTemplate>(CompileLiveFilter))
               .ToLocalChecked()).FromJust();
    Nan::Set(target,
             Nan::New<String>("findDevice").ToLocalChecked(),
`,
  },
];

/** The options with which Node's own common.gypi compiles an addon for Linux. */
const COMPILE = [
  "-O2",
  "-std=gnu++20",
  "-fPIC",
  "-fno-rtti",
  "-fno-exceptions",
  "-fno-strict-aliasing",
  "-D_FILE_OFFSET_BITS=64",
  "-DBUILDING_NODE_EXTENSION",
  "-DNODE_GYP_MODULE_NAME=cap",
  "-w",
  ...HARDENING,
];

/**
 * libpcap's stat() alone would need glibc 2.33, which made a function of it. Before, it was the system call, whose
 * structure is the library's on every 64-bit machine.
 */
const STAT = `
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
// its own name would be made that of stat64() by a header
extern "C" __attribute__((visibility("hidden"))) int system_stat(const char* path, void* result) __asm__("stat");
int system_stat(const char* path, void* result) { return syscall(SYS_newfstatat, AT_FDCWD, path, result, 0); }
`;

export type CapAddon = { readonly path: string; readonly libpcap: Libpcap } | { readonly missing: string };

/**
 * Builds cap.node with libpcap inside, once for each combination of Node, libpcap and patch; takes about 10 s.
 * If that can't be done, tells why, and leaves no older addon behind.
 */
export function buildCapAddon(target: Target): CapAddon {
  const { cache, nodePackage } = target;
  // where src/native/addon.ts looks when it runs from the sources
  const path = join(cache, "addons", "cap.node");
  const stamp = `${path}.sha256`;
  try {
    const libpcap = buildLibpcap(target);
    const original = readFileSync(join(root, "node_modules", "cap", "src", "binding.cc"), "utf8");
    const source = applyReplacements(original, REPLACEMENTS) + STAT;
    const inputs = createHash("sha256");
    inputs
      .update(source)
      .update([...COMPILE, ...HARDENING_LINKED].join())
      .update(readFileSync(libpcap.library));
    inputs.update(readFileSync(join(nodePackage, "package.json")));
    const key = inputs.digest("hex");
    if (!existsSync(path) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== key) {
      mkdirSync(join(cache, "addons"), { recursive: true });
      rmSync(stamp, { force: true });
      compile(target, source, libpcap, path);
      writeFileSync(stamp, key);
    }
    rmSync(`${path}.missing`, { force: true });
    return { path, libpcap };
  } catch (error) {
    const missing = error instanceof Error ? error.message : String(error);
    mkdirSync(join(cache, "addons"), { recursive: true });
    rmSync(path, { force: true });
    writeFileSync(`${path}.missing`, missing);
    return { missing };
  }
}

/** Replaces each text if it stands exactly once; throws if the source is not the one that was patched. */
export function applyReplacements(source: string, replacements: readonly Replacement[]): string {
  let patched = source;
  for (const { from, to } of replacements) {
    const parts = patched.split(from);
    if (parts.length !== 2) {
      throw new Error(`cap's source is not the one that promtap patches: ${JSON.stringify(from.trim())}`);
    }
    patched = parts.join(to);
  }
  return patched;
}

function compile(target: Target, source: string, libpcap: Libpcap, output: string): void {
  const file = `${output}.cc`;
  writeFileSync(file, source);
  const include = [join(target.nodePackage, "include", "node"), join(root, "node_modules", "nan"), libpcap.include];
  const exclude = "-Wl,--exclude-libs,ALL"; // libpcap's symbols stay inside, whatever else the process loads
  const anonymous = `-ffile-prefix-map=${root}/=`; // assertions name their file
  const args = [
    ...COMPILE,
    anonymous,
    ...include.map((folder) => `-I${folder}`),
    file,
    "-shared",
    "-s",
    exclude,
    ...HARDENING_LINKED,
  ];
  run(toolOf(target, "g++"), [...args, libpcap.library, "-o", `${output}.new`]);
  renameSync(`${output}.new`, output);
  rmSync(file);
}
