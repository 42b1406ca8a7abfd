import type { X509Certificate } from "node:crypto";
import { isIP, SocketAddress } from "node:net";

/** `DNS:a, IP Address:192.0.2.1, URI:"urn:a,b"`: what could be mistaken for another name is a string of JSON. */
const NAME = /(?:^|, )(DNS|IP Address|URI|email):("(?:[^"\\]|\\.)*"|[^,]*)/g;

/** Names of DNS, addresses, mailboxes and URIs that a certificate is for: its subject alternative names. */
export function namesOf(certificate: X509Certificate): string[] {
  return Array.from((certificate.subjectAltName ?? "").matchAll(NAME), ([, kind, text = ""]) => {
    const name = text.startsWith('"') ? (JSON.parse(text) as string) : text;
    return kind === "IP Address" ? canonical(name) : name;
  });
}

/** node:crypto writes IPv6 addresses with all their zeros. */
function canonical(address: string): string {
  const family = isIP(address);
  if (family === 0) return address;
  return new SocketAddress({ address, family: family === 6 ? "ipv6" : "ipv4" }).address;
}
