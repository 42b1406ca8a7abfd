import { request as requestHttp, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import type { Report } from "../status/report.ts";
import type { TopOptions } from "./options.ts";
import { readReport } from "./report-shape.ts";

const PATH = "/-/status.json";
const TIMEOUT_MS = 10_000;
/** Far more than any report has. */
const MAX_CHARACTERS = 32 * 1024 * 1024;

/** What OpenSSL says of a certificate that may be believed if its authority is named. */
const UNKNOWN_AUTHORITY = [
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
];
const LOCAL = [
  { address: "127.0.0.1", family: 4 },
  { address: "::1", family: 6 },
];

/** Where the promtap of this machine is if nothing else is said. */
export const USUAL_URL = "http://localhost:9112";

/** Asks a promtap how it does. Throws PromtapError if it doesn't say. */
export async function ask(url: string, options: TopOptions): Promise<Report> {
  try {
    return readReport(await get(url, options));
  } catch (error) {
    throw new PromtapError(ErrorCode.HOST, `couldn't ask ${url}: ${reasonOf(error)}`, { cause: error });
  }
}

function get(url: string, { user, password, authorities, certificate, key }: TopOptions): Promise<string> {
  const isUnix = url.startsWith("unix:");
  const target = new URL(`${isUnix ? "http://localhost" : url.replace(/\/+$/, "")}${PATH}`);
  const request = target.protocol === "https:" ? requestHttps : requestHttp;
  const options: RequestOptions & { ca?: string; cert?: string; key?: string } = {
    agent: false,
    // What a promtap takes for one that asks for itself, and not by way of a proxy.
    headers: { connection: "keep-alive" },
    ...(target.hostname === "localhost" ? { lookup: lookUpLocal } : {}),
    ...(isUnix ? { socketPath: url.slice("unix:".length) } : {}),
    ...(user === null ? {} : { auth: `${user}:${password}` }),
    ...(authorities === null ? {} : { ca: authorities }),
    ...(certificate === null ? {} : { cert: certificate }),
    ...(key === null ? {} : { key }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(target, options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
        if (body.length > MAX_CHARACTERS) fail("it says too much");
      });
      response.on("error", reject);
      response.on("end", () => {
        sent.destroy();
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(refusalOf(response.statusCode, user)));
      });
    });
    const fail = (reason: string): void => {
      reject(new Error(reason));
      sent.destroy();
    };
    // For all of it: an answer that comes byte by byte would never be late.
    const limit = setTimeout(() => fail(`no answer in ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
    sent.on("close", () => clearTimeout(limit));
    sent.on("error", reject);
    sent.end();
  });
}

/** RFC 6761, section 6.3: no name server is asked. */
const lookUpLocal: LookupFunction = (_, { all = false }, done) => {
  if (all) done(null, LOCAL);
  else done(null, LOCAL[0]!.address, LOCAL[0]!.family);
};

function reasonOf(error: unknown): string {
  const { code = "" } = error as { code?: string };
  if (UNKNOWN_AUTHORITY.includes(code)) return "its certificate is of an authority that is not known here: --ca FILE";
  return messageOf(error);
}

function refusalOf(status: number | undefined, user: string | null): string {
  if (status === 401 && user !== null) return `it refuses the user ${user}, or the password`;
  if (status === 401) return "it wants a user and a password: --user, --password-file";
  if (status === 400) return "it refuses plain HTTP, or the request: try --url https://HOST:PORT";
  if (status === 404) return "it has no status page: it is older, or runs with --web.status off";
  return `it answers with ${status}`;
}

/** Whether nobody listened where `ask` asked. */
export function isAbsent(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: string; errors?: readonly { code?: string }[] } };
  return [cause, ...(cause?.errors ?? [])].some((each) => each?.code === "ECONNREFUSED");
}
