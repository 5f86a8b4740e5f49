/**
 * Expressions as text, laid out as Biome and Prettier do: on one line where it fits, else a chain of calls with a call a line, and lists, objects and
 * arguments with an entry a line. Touches expression.ts and plain.ts.
 *
 * Whatever a text holds, it stays inside its quotes or its comment, and what an editor would hide or reorder is written as an escape.
 * @module
 */
import type { Entry, Expression } from "./expression.ts";
import { plain } from "./plain.ts";

type Call = Extract<Expression, { kind: "call" }>;

/** Columns of a line. */
export const WIDTH = 140;

/** Text for a comment: on one line, and unable to end the comment. */
export function commentText(text: string): string {
  return plain(text).replaceAll("*/", "*\\/");
}

/** A string literal, in the quotes that need fewer escapes. */
function quoted(text: string): string {
  const inside = plain(JSON.stringify(text).slice(1, -1));
  const count = (of: string) => text.split(of).length;
  return count('"') > count("'") ? `'${inside.replaceAll('\\"', '"').replaceAll("'", "\\'")}'` : `"${inside}"`;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/gu;

/** Columns of a text's last line. */
function widthOf(text: string): number {
  const line = text.slice(text.lastIndexOf("\n") + 1);
  return /^[ -~]*$/.test(line) ? line.length : Array.from(line.replace(WIDE, "  ").replace(/\p{M}/gu, "")).length;
}

/** A letter that every reader of TypeScript knows: Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Kana, Han, Hangul. */
const LETTER = String.raw`(?=\p{L})[\0-\u052f\u0590-\u06ff\u0900-\u097f\u3040-\u30ff\u4e00-\u9fef\uac00-\ud7a3]`;
const IDENTIFIER = new RegExp(`^(?:${LETTER}|[_$])(?:${LETTER}|[\\d_$])*$`, "u");
const NO_WORD = new RegExp(`(?!${LETTER}|\\d).`, "gsu");

/** Whether a text can be a name, or a key without quotes. */
export function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text);
}

/** A text with blanks in place of what cannot be in a name. */
export function lettersOf(text: string): string {
  return text.replace(NO_WORD, " ");
}

/**
 * An expression as text.
 *
 * @param indent columns that its further lines are indented by, at least.
 * @param column where its first line begins.
 * @param after columns that what follows needs on its last line.
 */
export function expressionText(expression: Expression, indent: number, column: number, after: number): string {
  const line = flat(expression);
  if (line !== undefined && column + widthOf(line) + after <= WIDTH) return line;
  switch (expression.kind) {
    case "call":
      return chainText(chainOf(expression), indent, column, after);
    case "list":
      return listText(expression.items, indent);
    case "object":
      return objectText(expression.entries, indent);
    case "later":
      return `() =>\n${" ".repeat(indent + 2)}${expressionText(expression.of, indent + 2, indent + 2, 1)}`;
    default:
      return line ?? "";
  }
}

/** The text on one line; undefined where it cannot be on one. */
function flat(expression: Expression): string | undefined {
  switch (expression.kind) {
    case "name":
      return expression.name;
    case "value":
      return typeof expression.value === "string" ? quoted(expression.value) : String(expression.value).replace("e+", "e");
    case "pattern":
      return String(expression.pattern);
    case "member":
      return joined([expression.of], (of) => `${of}.${expression.name}`);
    case "later":
      return joined([expression.of], (of) => `() => ${of}`);
    case "list":
      return isRagged(expression.items) ? undefined : joined(expression.items, (...items) => `[${items.join(", ")}]`);
    case "object":
      return flatObject(expression);
    case "call":
      if (isSpread(chainOf(expression))) return undefined;
      return joined([expression.of, ...expression.given], (of, ...given) => `${of}(${given.join(", ")})`);
  }
}

function joined(parts: readonly Expression[], join: (...texts: string[]) => string): string | undefined {
  const texts = parts.map(flat);
  return texts.includes(undefined) ? undefined : join(...(texts as string[]));
}

function flatObject({ entries, open }: Extract<Expression, { kind: "object" }>): string | undefined {
  if (entries.length === 0) return "{}";
  if (open || entries.some(({ getter, notes }) => getter || notes?.length)) return undefined;
  return joined(
    entries.map(({ value }) => value),
    (...texts) => `{ ${entries.map(({ key }, index) => `${keyText(key)}: ${texts[index]}`).join(", ")} }`,
  );
}

/** How many entries a list or an object has. */
function sizeOf(expression: Expression): number {
  return expression.kind === "list" ? expression.items.length : expression.kind === "object" ? expression.entries.length : 0;
}

/** Several lists, or several objects, of more than one entry each: a line each. */
function isRagged(items: readonly Expression[]): boolean {
  return items.length > 1 && items.every((item) => sizeOf(item) > 1 && item.kind === items[0]?.kind);
}

function keyText(key: string): string {
  return isIdentifier(key) ? key : quoted(key);
}

/** What is called, and the calls, the first one first: `z` and `.array(…)`, `.optional()`; `secret(…)` and `.optional()`. */
interface Chain {
  readonly head: Expression;
  readonly calls: readonly { readonly method: string; readonly given: readonly Expression[] }[];
}

function chainOf({ of, given }: Call): Chain {
  if (of.kind !== "member") return { head: { kind: "call", of, given }, calls: [] };
  const before = of.of.kind === "call" ? chainOf(of.of) : { head: of.of, calls: [] };
  return { head: before.head, calls: [...before.calls, { method: of.name, given }] };
}

/** Whether the first call stays with the head. */
function isMerged({ head }: Chain): boolean {
  return head.kind === "name" && /^[A-Z]/.test(head.name);
}

/** Whether a chain is broken however short it is: something in it is long or complex. */
function isSpread(chain: Chain): boolean {
  const { head, calls } = chain;
  if (calls.length < (isMerged(chain) ? 3 : 2)) return false;
  const given = [...(head.kind === "call" ? [head.given] : []), ...calls.map((each) => each.given)];
  if (given.length > 2 && given.flat().some((each) => !isSimple(each))) return true;
  return given.slice(0, -1).some((each) => each.some((one) => flat(one) === undefined));
}

/** What Prettier calls a simple argument. */
function isSimple(expression: Expression, depth = 0): boolean {
  if (depth > 1) return false;
  switch (expression.kind) {
    case "pattern":
      return widthOf(expression.pattern.source) <= 5;
    case "member":
      return isSimple(expression.of, depth);
    case "list":
      return expression.items.every((each) => isSimple(each, depth + 1));
    case "object":
      return expression.entries.every((each) => isSimple(each.value, depth + 1));
    case "call":
      return isSimple(expression.of, depth) && expression.given.every((each) => isSimple(each, depth + 1));
    default:
      return expression.kind !== "later";
  }
}

function chainText(chain: Chain, indent: number, column: number, after: number): string {
  const { head, calls } = chain;
  const merged = isMerged(chain) ? 1 : 0;
  const [last, lead] = [calls.at(-1), calls.slice(0, -1)];
  if (!last) return head.kind === "call" ? `${flat(head.of)}${givenText(head.given, indent, column, after)}` : (flat(head) ?? "");
  const [only, ...more] = last.given;
  const hugs = only?.kind === "object" && sizeOf(only) > 0 && more.length === 0;
  if (calls.length <= 1 + merged || (hugs && !isSpread(chain))) {
    const start = `${expressionText(head, indent, column, 1)}${lead.map((each) => `.${each.method}${flatGiven(each.given)}`).join("")}.${last.method}`;
    const used = widthOf(start) + (start.includes("\n") ? 0 : column);
    if (used + 2 <= WIDTH) return start + givenText(last.given, indent, used, after);
  }
  const onLine = calls.slice(0, merged).map((each) => `.${each.method}${givenText(each.given, indent, column, 0)}`);
  const below = calls.slice(merged).map(({ method, given }, index, all) => {
    const start = `${" ".repeat(indent + 2)}.${method}`;
    return `\n${start}${givenText(given, indent + 2, start.length, index === all.length - 1 ? after : 0)}`;
  });
  return [expressionText(head, indent, column, 0), ...onLine, ...below].join("");
}

function flatGiven(given: readonly Expression[]): string {
  return `(${given.map((each) => flat(each)).join(", ")})`;
}

/** Arguments in their brackets. */
function givenText(given: readonly Expression[], indent: number, column: number, after: number): string {
  const line = joined(given, (...texts) => `(${texts.join(", ")})`);
  if (line !== undefined && column + widthOf(line) + after <= WIDTH) return line;
  const [last, lead] = [given.at(-1), given.slice(0, -1)];
  const start = joined(lead, (...texts) => texts.map((each) => `${each}, `).join(""));
  if (last && start !== undefined && sizeOf(last) > 0) return `(${start}${brokenText(last, indent)})`;
  if (last?.kind === "later" && lead.length === 0) return `(${brokenText(last, indent)},\n${" ".repeat(indent)})`;
  const lines = given.map((each) => `${" ".repeat(indent + 2)}${expressionText(each, indent + 2, indent + 2, 1)},\n`);
  return `(\n${lines.join("")}${" ".repeat(indent)})`;
}

function brokenText(expression: Expression, indent: number): string {
  if (expression.kind === "list") return listText(expression.items, indent);
  return expression.kind === "object" ? objectText(expression.entries, indent) : expressionText(expression, indent, WIDTH, 0);
}

function listText(items: readonly Expression[], indent: number): string {
  const margin = " ".repeat(indent + 2);
  const isNumber = (item: Expression) => item.kind === "value" && typeof item.value === "number";
  const numbers = items.length > 1 && items.every(isNumber);
  const lines = numbers
    ? filled(
        items.map((item) => `${flat(item)},`),
        WIDTH - indent - 2,
      )
    : items.map((item) => `${expressionText(item, indent + 2, indent + 2, 1)},`);
  return `[\n${lines.map((line) => `${margin}${line}\n`).join("")}${" ".repeat(indent)}]`;
}

/** Words on lines of a width. A word that is longer has a line of its own. */
export function filled(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(last) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function objectText(entries: readonly Entry[], indent: number): string {
  const margin = " ".repeat(indent + 2);
  const lines = entries.flatMap((entry) => [
    ...(entry.notes ?? []).flatMap((note) => noteLines(note, margin)),
    entryText(entry, indent + 2),
  ]);
  return `{\n${lines.map((line) => `${line}\n`).join("")}${" ".repeat(indent)}}`;
}

function noteLines(note: string, margin: string): string[] {
  return filled(commentText(note).split(" "), WIDTH - margin.length - 3).map((line) => `${margin}// ${line}`);
}

function entryText({ key, value, getter }: Entry, indent: number): string {
  const margin = " ".repeat(indent);
  if (getter) {
    const start = `${margin}  return `;
    return `${margin}get ${keyText(key)}() {\n${start}${expressionText(value, indent + 2, start.length, 1)};\n${margin}},`;
  }
  const start = `${margin}${keyText(key)}: `;
  const text = expressionText(value, indent, widthOf(start), 1);
  const isLong = value.kind === "value" && typeof value.value === "string" && widthOf(start + text) + 1 > WIDTH;
  return isLong && keyText(key).length >= 5 ? `${start.trimEnd()}\n${margin}  ${text},` : `${start}${text},`;
}
