import { closeSync, openSync } from "node:fs";
import { Connection } from "../../src/kafka/connection.ts";
import { messageOf } from "../../src/errors.ts";

/*
 * A program of its own, because it uses all descriptors that it may have: connects to the port that is named without
 * any left, and again with one, and prints what comes of it.
 */

const [, , port] = process.argv;
const address = { host: "127.0.0.1", port: Number(port) };
const signal = new AbortController().signal;
const taken: number[] = [];
const connect = async (): Promise<void> => {
  try {
    (await Connection.open("broker 1", address, {}, signal)).close();
    console.log("connected");
  } catch (error) {
    console.log(messageOf(error));
  }
};

// Whatever connecting needs to be loaded first.
await Connection.open("nobody", { host: "127.0.0.1", port: 1 }, {}, signal).catch(() => {});
try {
  for (;;) taken.push(openSync("/dev/null", "r"));
} catch {
  await connect();
}
closeSync(taken.pop()!);
await connect();
