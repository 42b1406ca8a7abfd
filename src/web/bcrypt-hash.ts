/** `$2y$10$`, 22 characters of salt, 31 of the hash. */
const MIN_LENGTH = 59;
const MIN_COST = 4;
const MAX_COST = 31;
const HASH = /^\$2[aby]?\$\d\d\$[./A-Za-z0-9]{53}$/;

/** Why a text is no hash of a password, in the words that exporters of Prometheus have for it; undefined if it is one. */
export function bcryptFault(hash: string): string | undefined {
  if (hash.length < MIN_LENGTH) return "crypto/bcrypt: hashedSecret too short to be a bcrypted password";
  if (!hash.startsWith("$")) {
    return `crypto/bcrypt: bcrypt hashes must start with '$', but hashedSecret started with '${hash.slice(0, 1)}'`;
  }
  const version = hash.slice(1, 2);
  if (version > "2") {
    return `crypto/bcrypt: bcrypt algorithm version '${version}' requested is newer than current version '2'`;
  }
  const cost = costOf(hash);
  if (cost < MIN_COST || cost > MAX_COST) {
    return `crypto/bcrypt: cost ${cost} is outside allowed inclusive range ${MIN_COST}..${MAX_COST}`;
  }
  return HASH.test(hash) ? undefined : "crypto/bcrypt: it is no hash as htpasswd -B writes them";
}

/** The logarithm of the work that a password takes to check. */
export function costOf(hash: string): number {
  return Number(/^\$2[aby]?\$(\d\d)\$/.exec(hash)?.[1] ?? 0);
}

/** A hash that takes as long to check as this one, and that no password is known for. */
export function decoyOf(hash: string): string {
  return `$2b$${String(costOf(hash)).padStart(2, "0")}$${"promtap".repeat(3)}O${"decoy".repeat(6)}.`;
}
