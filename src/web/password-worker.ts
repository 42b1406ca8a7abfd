import { parentPort } from "node:worker_threads";
import { compareSync } from "bcryptjs";

/** A password, and the hash that it is checked by. */
export interface Question {
  readonly password: string;
  readonly hash: string;
}

parentPort!.on("message", ({ password, hash }: Question) => {
  parentPort!.postMessage(compareSync(password, hash));
});
