import type { Credentials } from "./passwords.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Reads an Authorization header of the scheme Basic (RFC 7617); undefined if it is none, or not in UTF-8. */
export function credentialsOf(header: string | undefined): Credentials | undefined {
  const [, base64 = ""] = /^basic ([^ ]*)$/i.exec(header ?? "") ?? [];
  if (base64 === "" || !BASE64.test(base64)) return undefined;
  const [, user, password] = /^([^:]*):(.*)$/s.exec(decoded(base64) ?? "") ?? [];
  return user === undefined || password === undefined ? undefined : { user, password };
}

function decoded(base64: string): string | undefined {
  try {
    return UTF8.decode(Buffer.from(base64, "base64"));
  } catch {
    return undefined;
  }
}
