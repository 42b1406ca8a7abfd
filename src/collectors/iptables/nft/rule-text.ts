import { arrayOf, field, type Json, onlyField } from "./json.ts";

/** Keys of meta that nft writes without the word "meta" (meta_key_is_unqualified in src/meta.c). */
const BARE_META = /^[io]if(?:name|type|group)?$/;
/** Of these `x y` means that one of the bits is set, and `x == y` that no other is. */
const BIT_FIELD = /^(?:tcp flags|ct (?:state|status|label|event))$/;
/** What is compared with names in quotes. */
const QUOTING = /^(?:[io]if(?:name)?|meta (?:[is]?[io]?brname|sdif(?:name)?|time|day|hour)|ct helper)$/;
/** What is compared with numbers of 32 bits in hexadecimal. */
const MARK = /^(?:meta|ct) mark\b/;
const INFIX: ReadonlySet<string> = new Set(["|", "&", "^", "<<", ">>"]);
/** What is used up of quotas, when a packet came last, and how long an element lives yet. */
const STATE: ReadonlySet<string> = new Set(["used", "used_unit", "expires"]);
const VERDICTS: ReadonlySet<string> = new Set(["accept", "drop", "continue", "return", "notrack"]);

/**
 * The text of a rule, as `nft --stateless list ruleset` prints it as far as JSON tells. What has no text here stands as
 * its JSON, so that different rules have different texts.
 */
export function ruleText(statements: readonly Json[], comment: string): string {
  const words = statements.map(statementText);
  if (comment !== "") words.push(`comment ${quoted(comment)}`);
  return words.join(" ");
}

function statementText(statement: Json): string {
  const [name, value] = onlyField(statement) ?? [];
  if (name === undefined) return jsonText(statement);
  if (VERDICTS.has(name) && value === null) return name;
  return (Object.hasOwn(STATEMENTS, name) ? STATEMENTS[name]?.(value) : undefined) ?? jsonText(statement);
}

/** JSON without what changes as packets and time pass. */
function jsonText(value: Json): string {
  const stateless = (key: string, part: Json): Json => {
    if (STATE.has(key)) return undefined;
    return key === "counter" && typeof part === "object" ? null : part;
  };
  return JSON.stringify(value, stateless) ?? "";
}

/** Statements by their names; undefined stands for one that is not of the form known. */
const STATEMENTS: Readonly<Record<string, (value: Json) => string | undefined>> = {
  match: matchText,
  jump: (value) => `jump ${bare(field(value, "target"))}`,
  goto: (value) => `goto ${bare(field(value, "target"))}`,
  counter: (value) => (typeof value === "string" ? `counter name ${quoted(value)}` : "counter"),
  quota: quotaText,
  limit: limitText,
  log: logText,
  reject: rejectText,
  mangle: (value) => {
    const key = expressionText(field(value, "key"));
    return `${key} set ${expressionText(field(value, "value"), key)}`;
  },
  vmap: (value) => mapText("vmap", value),
  snat: (value) => natText("snat", value),
  dnat: (value) => natText("dnat", value),
  masquerade: (value) => natText("masquerade", value),
  redirect: (value) => natText("redirect", value),
  set: setText,
  last: () => "last",
  "ct count": (value) => `ct count ${over(value)}${bare(field(value, "val"))}`,
};

/** The statement that adds to a set. */
function setText(value: Json): string {
  const element = [expressionText(field(value, "elem")), ...arrayOf(field(value, "stmt")).map(statementText)];
  return `${bare(field(value, "op"))} ${bare(field(value, "set"))} { ${element.join(" ")} }`;
}

function matchText(match: Json): string {
  const [left, right, op] = [field(match, "left"), field(match, "right"), bare(field(match, "op"))];
  const text = expressionText(left);
  const isSet = field(right, "set") !== undefined;
  const isMasked = INFIX.has(onlyField(left)?.[0] ?? "");
  const isBare = op === "in" || (op === "==" && !isMasked && (isSet || !BIT_FIELD.test(text)));
  return `${text} ${isBare ? "" : `${op} `}${expressionText(right, text)}`;
}

/** The text of an expression; `left` is that of what it is compared with or becomes the value of. */
function expressionText(expression: Json, left = ""): string {
  if (Array.isArray(expression)) return expression.map((part) => expressionText(part, left)).join(",");
  const [name, value] = onlyField(expression) ?? [];
  if (name === undefined) return literalText(expression, left);
  if (INFIX.has(name) && Array.isArray(value)) return infixText(name, value, left);
  const known = Object.hasOwn(EXPRESSIONS, name) ? EXPRESSIONS[name]?.(value, left) : undefined;
  return known ?? statementText(expression);
}

function literalText(value: Json, left: string): string {
  if (typeof value === "boolean") return value ? "exists" : "missing";
  if (typeof value === "string" && QUOTING.test(left) && !value.startsWith("@")) return quoted(value);
  if (typeof value === "number" && MARK.test(left)) return `0x${value.toString(16).padStart(8, "0")}`;
  return bare(value);
}

function infixText(operator: string, operands: readonly Json[], left: string): string {
  const [first, ...others] = operands.map((operand) =>
    Array.isArray(operand) ? `(${operand.map((part) => expressionText(part)).join(" | ")})` : operand,
  );
  const text = expressionText(first, left);
  return [text, ...others.map((operand) => expressionText(operand, left === "" ? text : left))].join(` ${operator} `);
}

/** Expressions by their names, in the same way. */
const EXPRESSIONS: Readonly<Record<string, (value: Json, left: string) => string | undefined>> = {
  payload: payloadText,
  meta: (value) => {
    const key = bare(field(value, "key"));
    return BARE_META.test(key) ? key : `meta ${key}`;
  },
  ct: (value) => ["ct", field(value, "dir"), field(value, "family"), field(value, "key")].filter(isGiven).join(" "),
  rt: (value) => ["rt", field(value, "family"), field(value, "key")].filter(isGiven).join(" "),
  socket: (value) => `socket ${bare(field(value, "key"))}`,
  exthdr: (value) => ["exthdr", field(value, "name"), field(value, "field")].filter(isGiven).join(" "),
  "tcp option": (value) => ["tcp option", field(value, "name"), field(value, "field")].filter(isGiven).join(" "),
  fib: (value) => `fib ${arrayOf(field(value, "flags")).map(bare).join(" . ")} ${bare(field(value, "result"))}`,
  prefix: (value, left) => `${expressionText(field(value, "addr"), left)}/${bare(field(value, "len"))}`,
  range: (value, left) =>
    arrayOf(value)
      .map((end) => expressionText(end, left))
      .join("-"),
  concat: (value) =>
    arrayOf(value)
      .map((part) => expressionText(part))
      .join(" . "),
  set: (value, left) =>
    `{ ${arrayOf(value)
      .map((element) => elementText(element, left))
      .join(", ")} }`,
  map: (value) => mapText("map", value),
  elem: elemText,
};

function payloadText(payload: Json): string {
  const protocol = field(payload, "protocol");
  if (protocol !== undefined) return `${bare(protocol)} ${bare(field(payload, "field"))}`;
  return `@${bare(field(payload, "base"))},${bare(field(payload, "offset"))},${bare(field(payload, "len"))}`;
}

/** An element of a set, or a key and its value in a map. */
function elementText(element: Json, left: string): string {
  if (!Array.isArray(element)) return expressionText(element, left);
  return element.map((part, index) => expressionText(part, index === 0 ? left : "")).join(" : ");
}

/** An element with options, such as a counter of its own. */
function elemText(elem: Json, left: string): string {
  const options = Object.entries(elem ?? {}).filter(([name]) => name !== "val" && !STATE.has(name));
  const words = options.map(([name, value]) => {
    if (name === "timeout") return `timeout ${bare(value)}s`;
    return name === "comment" ? `comment ${quoted(bare(value))}` : statementText({ [name]: value });
  });
  return [expressionText(field(elem, "val"), left), ...words].join(" ");
}

function mapText(word: string, map: Json): string {
  const key = expressionText(field(map, "key"));
  return `${key} ${word} ${expressionText(field(map, "data"), key)}`;
}

/** Without what is used up, which changes. */
function quotaText(quota: Json): string {
  if (typeof quota === "string") return `quota name ${quoted(quota)}`;
  return `quota ${over(quota)}${bare(field(quota, "val"))} ${bare(field(quota, "val_unit"))}`;
}

function limitText(limit: Json): string {
  if (typeof limit === "string") return `limit name ${quoted(limit)}`;
  const unit = field(limit, "rate_unit");
  const rate =
    isGiven(unit) && unit !== "packets" ? `${bare(field(limit, "rate"))} ${bare(unit)}` : bare(field(limit, "rate"));
  const burst = field(limit, "burst");
  const burstUnit = field(limit, "burst_unit") ?? "packets";
  // The burst that packets have if none is given.
  const isDefault = !isGiven(burst) || burst === 0 || (burst === 5 && burstUnit === "packets");
  return `limit rate ${over(limit)}${rate}/${bare(field(limit, "per"))}${isDefault ? "" : ` burst ${bare(burst)} ${bare(burstUnit)}`}`;
}

function logText(log: Json): string {
  const prefix = field(log, "prefix");
  const options = ["group", "snaplen", "queue-threshold", "level"].map((name) => [name, field(log, name)] as const);
  return [
    "log",
    ...(isGiven(prefix) ? [`prefix ${quoted(bare(prefix))}`] : []),
    ...options.filter(([, value]) => isGiven(value)).map(([name, value]) => `${name} ${bare(value)}`),
    ...(isGiven(field(log, "flags")) ? [`flags ${expressionText(field(log, "flags"))}`] : []),
  ].join(" ");
}

function rejectText(reject: Json): string {
  const [type, code] = [field(reject, "type"), field(reject, "expr")];
  return ["reject", ...(isGiven(type) ? ["with", type] : []), code].filter(isGiven).map(bare).join(" ");
}

function natText(word: string, nat: Json): string {
  const [family, address, port] = [field(nat, "family"), field(nat, "addr"), field(nat, "port")];
  const flags = field(nat, "flags");
  const target = `${isGiven(address) ? expressionText(address) : ""}${isGiven(port) ? `:${expressionText(port)}` : ""}`;
  return [
    isGiven(family) ? `${word} ${bare(family)}` : word,
    ...(target === "" ? [] : [`to ${target}`]),
    ...(isGiven(flags) ? [expressionText(flags)] : []),
  ].join(" ");
}

function over(value: Json): string {
  return field(value, "inv") === true ? "over " : "";
}

function isGiven(value: Json): boolean {
  return value !== undefined && value !== null;
}

/** A word or number; JSON for what is neither. */
function bare(value: Json): string {
  return typeof value === "string" ? value : jsonText(value);
}

/** nft has no escapes. */
function quoted(text: string): string {
  return `"${text}"`;
}
