/**
 * zod's issues in our words: where and what was expected, never what was there. Touches zod and errors.ts.
 *
 * zod's own texts are not passed on: a custom message or a locale can quote the value, and an unknown key can be one.
 * @module
 */
import { z } from "zod";
import { type Issue, nearest } from "./errors.ts";

type ZodIssue = z.core.$ZodIssue;

/** Reports that a value does not fit, from inside a codec. */
export function refuse(context: { issues: z.core.$ZodRawIssue[] }, ...messages: string[]): never {
  for (const message of messages) context.issues.push({ code: "custom", message, input: undefined, params: { ashlar: true } });
  return z.NEVER;
}

/**
 * All that zod found, in our words.
 *
 * @param input what was checked: it tells "missing" from "wrong", and is never shown.
 * @param known the names of the fields at the top, for the nearest one to a misspelt name.
 */
export function issuesOf(error: z.core.$ZodError, input: unknown, known: readonly string[] = []): Issue[] {
  return error.issues.flatMap((issue) => translate(issue, issue.path, input, known));
}

function translate(issue: ZodIssue, path: readonly PropertyKey[], input: unknown, known: readonly string[]): Issue[] {
  const at = pathText(path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const near = path.length === 0 ? nearest(key, known) : undefined;
      return { path: pathText([...path, key]), message: `is no field${near === undefined ? "" : `; did you mean ${near}?`}` };
    });
  }
  if (issue.code === "invalid_union") {
    // The option that came nearest says most; one that only says "another type" says least.
    const options = [...issue.errors].sort((a, b) => score(a) - score(b));
    const best = options[0];
    if (best === undefined || best.length === 0) return [{ path: at, message: "fits none of the choices" }];
    return best.flatMap((inner) => translate(inner, [...path, ...inner.path], input, []));
  }
  return [{ path: at, message: sentence(issue, valueAt(input, path)) }];
}

function score(option: readonly ZodIssue[]): number {
  const atRoot = option.some((issue) => issue.path.length === 0);
  return (
    option.length +
    (atRoot ? 1000 : 0) +
    (option.some((issue) => issue.code === "custom" && /another type|of type \S+, got/.test(issue.message)) ? 1000 : 0)
  );
}

function sentence(issue: ZodIssue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      return value === undefined ? `is missing (${issue.expected})` : `expected ${issue.expected}, got ${kindOf(value)}`;
    case "invalid_value":
      return `expected ${issue.values.length === 1 ? "" : "one of "}${issue.values.map((item) => JSON.stringify(item)).join(", ")}${value === undefined ? ", is missing" : ""}`;
    case "too_small":
      return `expected ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unit(issue.origin)}`;
    case "too_big":
      return `expected ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unit(issue.origin)}`;
    case "not_multiple_of":
      return `expected a multiple of ${issue.divisor}`;
    case "invalid_format":
      return `expected text of the format ${issue.format === "regex" ? issue.pattern : issue.format}`;
    case "invalid_key":
      return "one of its keys does not fit";
    case "invalid_element":
      return "one of its entries does not fit";
    default:
      return customMessage(issue, value);
  }
}

/** A message of our own, or of the class's author as long as it does not quote the value. */
function customMessage(issue: ZodIssue, value: unknown): string {
  const own = "params" in issue && (issue.params as { ashlar?: boolean } | undefined)?.ashlar === true;
  const quoted =
    typeof value === "object" ||
    issue.message === "Invalid input" ||
    (value !== undefined && String(value).trim() !== "" && issue.message.toLowerCase().includes(String(value).trim().toLowerCase()));
  return own || !quoted ? issue.message : "is refused by a check of the class";
}

function unit(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" || origin === "set" ? " entries" : "";
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isNaN(value) ? "NaN" : typeof value;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined),
    input,
  );
}

/** `hosts[2].name`; a part that is a dotted path already stays as it is. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
}
