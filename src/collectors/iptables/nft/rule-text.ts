import { arrayOf, field, type Json, onlyField } from "./json.ts";

/** Keys that nft writes without the word "meta" (meta_key_is_unqualified in src/meta.c). */
const BARE_META = /^(?:[io]if(?:name|type|group)?|skuid|skgid|rtclassid|[io]br(?:name|port))$/;
/** Of these `x y` means that one of the bits is set, and `x == y` that no other is. */
const BIT_FIELD = /^(?:tcp flags|ct (?:state|status|label|event))$/;
/** Strings that are written in quotes. */
const QUOTED = /^(?:[io]ifname|[io]brname|meta sdifname|ct helper)$/;
const INFIX: ReadonlySet<string> = new Set(["|", "&", "^", "<<", ">>"]);
const KEYWORD_VERDICTS: ReadonlySet<string> = new Set(["accept", "drop", "continue", "return", "notrack"]);

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
  if (name === undefined) return JSON.stringify(statement) ?? "";
  if (KEYWORD_VERDICTS.has(name) && value === null) return name;
  return (Object.hasOwn(STATEMENTS, name) ? STATEMENTS[name]?.(value) : undefined) ?? JSON.stringify(statement);
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
  mangle: (value) => `${expressionText(field(value, "key"))} set ${expressionText(field(value, "value"))}`,
  vmap: (value) => mapText("vmap", value),
  snat: (value) => natText("snat", value),
  dnat: (value) => natText("dnat", value),
  masquerade: (value) => natText("masquerade", value),
  redirect: (value) => natText("redirect", value),
  set: (value) =>
    `${bare(field(value, "op"))} ${bare(field(value, "set"))} { ${expressionText(field(value, "elem"))} }`,
  "ct count": (value) => `ct count ${over(value)}${bare(field(value, "val"))}`,
};

function matchText(match: Json): string {
  const left = expressionText(field(match, "left"));
  const right = field(match, "right");
  const op = bare(field(match, "op"));
  const isPlain = op === "in" || (op === "==" && !BIT_FIELD.test(left));
  const isName = typeof right === "string" && !right.startsWith("@") && QUOTED.test(left);
  return `${left} ${isPlain ? "" : `${op} `}${isName ? quoted(right) : expressionText(right)}`;
}

function expressionText(expression: Json): string {
  if (Array.isArray(expression)) return expression.map(expressionText).join(",");
  const [name, value] = onlyField(expression) ?? [];
  if (name === undefined) return typeof expression === "object" ? JSON.stringify(expression) : bare(expression);
  const known = Object.hasOwn(EXPRESSIONS, name) ? EXPRESSIONS[name]?.(value) : undefined;
  if (known !== undefined) return known;
  const isInfix = INFIX.has(name) && Array.isArray(value);
  return isInfix ? value.map(expressionText).join(` ${name} `) : statementText(expression);
}

/** Expressions by their names, in the same way. */
const EXPRESSIONS: Readonly<Record<string, (value: Json) => string | undefined>> = {
  payload: payloadText,
  meta: (value) => {
    const key = bare(field(value, "key"));
    return BARE_META.test(key) ? key : `meta ${key}`;
  },
  ct: (value) => ["ct", field(value, "dir"), field(value, "family"), field(value, "key")].filter(isGiven).join(" "),
  prefix: (value) => `${expressionText(field(value, "addr"))}/${bare(field(value, "len"))}`,
  range: (value) => arrayOf(value).map(expressionText).join("-"),
  concat: (value) => arrayOf(value).map(expressionText).join(" . "),
  set: (value) => `{ ${arrayOf(value).map(elementText).join(", ")} }`,
  map: (value) => mapText("map", value),
  elem: (value) => (field(value, "timeout") === undefined ? expressionText(field(value, "val")) : undefined),
};

function payloadText(payload: Json): string {
  const protocol = field(payload, "protocol");
  if (protocol !== undefined) return `${bare(protocol)} ${bare(field(payload, "field"))}`;
  return `@${bare(field(payload, "base"))},${bare(field(payload, "offset"))},${bare(field(payload, "len"))}`;
}

/** An element of a set, or a key and its value in a map. */
function elementText(element: Json): string {
  return Array.isArray(element) ? element.map(expressionText).join(" : ") : expressionText(element);
}

function mapText(word: string, map: Json): string {
  return `${expressionText(field(map, "key"))} ${word} ${expressionText(field(map, "data"))}`;
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
  // The burst that packets have where none is given.
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
  return ["reject", ...(isGiven(type) ? ["with", type] : []), code].filter(isGiven).map(expressionText).join(" ");
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
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** nft has no escapes. */
function quoted(text: string): string {
  return `"${text}"`;
}
