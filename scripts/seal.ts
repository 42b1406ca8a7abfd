import { offsetOfSymbol } from "./elf.ts";

/** Of elf(5)'s e_machine. */
const EM_AARCH64 = 183;

/** A function of Node's, by the name that its linker knows, and machine code to run in its place. */
interface Stub {
  readonly symbol: string;
  readonly code: Readonly<Record<"x64" | "arm64", readonly number[]>>;
}

/**
 * What Node reads before our code runs, and no option forbids:
 * - the name of a file with options, in any argument (node_config_file.cc), although arguments behind "--" are not its;
 * - variables of the environment, such as NODE_REPL_EXTERNAL_MODULE, which ends it (node_credentials.cc).
 */
const STUBS: readonly Stub[] = [
  {
    // std::optional<std::string_view> ConfigReader::GetDataFromArgs(std::vector<std::string>*): none. What is returned
    // lies where rdi or x8 points to; at its byte 16 is whether there is a value.
    symbol:
      "_ZN4node12ConfigReader15GetDataFromArgsEPSt6vectorINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESaIS7_EE",
    code: {
      x64: [0xc6, 0x47, 0x10, 0x00, 0x48, 0x89, 0xf8, 0xc3], // mov byte [rdi+16], 0; mov rax, rdi; ret
      arm64: [0x1f, 0x09, 0x00, 0xf9, 0xc0, 0x03, 0x5f, 0xd6], // str xzr, [x8, 16]; ret
    },
  },
  {
    // bool SafeGetenv(const char*, std::string*, Environment*): false
    symbol:
      "_ZN4node11credentials10SafeGetenvEPKcPNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEPNS_11EnvironmentE",
    code: {
      x64: [0x31, 0xc0, 0xc3], // xor eax, eax; ret
      arm64: [0x00, 0x00, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6], // mov w0, 0; ret
    },
  },
];

/**
 * Variables that Node's own JavaScript asks for: a parent to talk to, which ends a program that has none, a folder to
 * write to, to log what is sent, to believe any certificate. Where they stand, in sources, snapshot and code cache,
 * another name of their length does no harm.
 */
const VARIABLES: readonly string[] = [
  "NODE_CHANNEL_FD",
  "NODE_UNIQUE_ID",
  "NODE_V8_COVERAGE",
  "NODE_DEBUG",
  "NODE_TLS_REJECT_UNAUTHORIZED",
];

/** Takes from a Node executable, in place, what would give our arguments and environment a meaning of Node's. */
export function seal(node: Buffer): void {
  for (const name of VARIABLES) rename(node, name, name.replace("NODE_", "NONE_"));
  const architecture = node.readUInt16LE(0x12) === EM_AARCH64 ? "arm64" : "x64";
  for (const { symbol, code } of STUBS) node.set(code[architecture], offsetOfSymbol(node, symbol));
}

function rename(node: Buffer, name: string, other: string): void {
  let at = node.indexOf(name);
  if (at === -1) throw new Error(`Node knows no ${name}`);
  for (; at !== -1; at = node.indexOf(name, at)) node.write(other, at, "latin1");
}
