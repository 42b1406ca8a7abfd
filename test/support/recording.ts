import type { ChildProcess } from "node:child_process";
import type { Namespace } from "./namespace.ts";

/** Has tcpdump write all frames of an interface into a file; it records once it has said something. */
export function startRecording(namespace: Namespace, path: string, interfaceName = "veth0"): ChildProcess {
  return namespace.spawn(["tcpdump", "-i", interfaceName, "-w", path, "--immediate-mode", "-U", "-Z", "root"]);
}
