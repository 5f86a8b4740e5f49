/**
 * A block's fields, asked for one by one on a terminal. Touches ask.ts and the class; what was answered is checked at once.
 *
 * Of saved blocks one is chosen; lists and objects are typed as YAML or JSON; what is secret is not seen. What is left out gets its default.
 * @module
 */
import type { z } from "zod";
import { type AnyBlockClass, DEFINITION, type Field } from "../definition.ts";
import { AshlarError, type Issue } from "../errors.ts";
import { byName } from "../fields.ts";
import { reachableClasses } from "../schema.ts";
import { Secret } from "../secret.ts";
import type { MaskedDocument, Store } from "../stores/store.ts";
import { blockInner, children, defOf, isJsonSchema, isOptional, secretInner } from "../zod-def.ts";
import { askHidden, askText, choose, chooseSome } from "./ask.ts";
import { allDocuments, placeOf } from "./lookup.ts";
import { jsonText } from "./output.ts";
import { fillFields, kindsOf, readValue } from "./values.ts";

/** What is said of a field: its kind and what it is for. */
export type Notes = ReadonlyMap<string, { readonly kind: string; readonly about: string }>;

interface Form {
  readonly cls: AnyBlockClass;
  /** Saved documents of the types that the class may hold, by `slug/name`. */
  readonly saved: ReadonlyMap<string, MaskedDocument>;
}

/** One field as it is asked for. */
interface Question {
  readonly key: string;
  readonly message: string;
  readonly kinds: readonly z.ZodType[];
  readonly optional: boolean;
  readonly preset: unknown;
  readonly hidden: boolean;
}

/** Asks for every field that is not given yet. @returns the fields by key, secrets inside `Secret` */
export async function askFields(
  store: Store,
  cls: AnyBlockClass,
  notes: Notes,
  given: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const saved = new Map<string, MaskedDocument>();
  for (const { [DEFINITION]: nested } of reachableClasses(cls))
    for (const each of await allDocuments(store, nested.slug)) saved.set(placeOf(each), each);
  const fields: Record<string, unknown> = { ...given };
  for (const field of cls[DEFINITION].fields) {
    if (Object.hasOwn(given, field.key)) continue;
    const value = await ask({ cls, saved }, questionOf(field, notes));
    if (value !== undefined) fields[field.key] = value;
  }
  return fields;
}

function questionOf({ key, declared }: Field, notes: Notes): Question {
  const { kind = "", about = "" } = notes.get(key) ?? {};
  const optional = isOptional(declared);
  const kinds = kindsOf(declared).filter((each) => defOf(each).type !== "null");
  const facts = [kind, ...(optional ? ["optional"] : [])].filter((each) => each !== "");
  const message = `${key}${facts.length > 0 ? ` (${facts.join(", ")})` : ""}${about === "" ? "" : `: ${about}`}`;
  return { key, message, kinds, optional, preset: presetOf(declared), hidden: kinds.some((each) => holdsSecret(each)) };
}

/** Asks in the way that suits the field; undefined leaves it out. */
function ask(form: Form, question: Question): Promise<unknown> {
  const blocks = blocksOf(question.kinds);
  if (blocks) return askSaved(form, question, blocks);
  const [list] = question.kinds;
  const element = question.kinds.length === 1 && list ? defOf(list).element : undefined;
  const items = element && blocksOf(kindsOf(element));
  if (items) return askSavedList(form, question, items);
  const choices = choicesOf(question.kinds);
  if (choices) return askChoice(question, choices);
  return question.hidden ? askSecret(form, question) : askValue(form, question);
}

async function askSaved(form: Form, question: Question, types: ReadonlySet<string>): Promise<unknown> {
  const choices = savedChoices(form, question, types);
  return choose<unknown>(question.message, question.optional ? [{ label: "none", value: undefined }, ...choices] : choices);
}

async function askSavedList(form: Form, question: Question, types: ReadonlySet<string>): Promise<unknown> {
  const choices = savedChoices(form, question, types);
  if (choices.length === 0) return undefined;
  const chosen = await chooseSome<unknown>(question.message, choices, { required: !question.optional });
  return chosen.length === 0 ? undefined : chosen;
}

function savedChoices({ saved }: Form, { key, optional }: Question, types: ReadonlySet<string>): { label: string; value: unknown }[] {
  const fitting = [...saved.values()].filter(({ type }) => types.has(type)).map(placeOf);
  if (fitting.length === 0 && !optional) {
    const [first = ""] = types;
    throw new AshlarError(
      "ERR_NOT_FOUND",
      `${key} needs a saved block of type ${[...types].join(" or ")}, and there is none: "ashlar create ${first}/NAME" makes one.`,
    );
  }
  return fitting.map((place) => ({ label: place, value: { ref: place } }));
}

function askChoice({ message, optional, preset }: Question, values: readonly unknown[]): Promise<unknown> {
  const choices = values.map((value) => ({ label: typeof value === "string" ? value : jsonText(value), value }));
  if (optional && preset === undefined) choices.unshift({ label: "none", value: undefined });
  return choose(message, choices, Math.max(0, values.indexOf(preset)));
}

async function askValue(form: Form, question: Question): Promise<unknown> {
  const { key, kinds, optional, preset } = question;
  const check = (answer: string) => {
    if (answer === "") return optional ? undefined : "is missing";
    return fault(form, key, readValue(answer, kinds));
  };
  const presetText = preset === undefined ? undefined : typeof preset === "string" ? preset : jsonText(preset);
  const shown = presetText === undefined ? optional && { hint: "Enter leaves it out" } : { preset: presetText };
  const answer = await askText(question.message, check, shown || {});
  return answer === "" || answer === presetText ? undefined : readValue(answer, kinds);
}

async function askSecret(form: Form, { key, message, kinds, optional }: Question): Promise<unknown> {
  const read = (answer: string) => hide(readValue(answer, kinds), kinds);
  const check = (answer: string) => (answer === "" ? (optional ? undefined : "is missing") : fault(form, key, read(answer)));
  const answer = await askHidden(`${message}${optional ? ", Enter leaves it out" : ""}`, check);
  return answer === "" ? undefined : read(answer);
}

/** A secret as a whole is hidden at once; what only holds some is taken apart by the class. */
function hide(value: unknown, kinds: readonly z.ZodType[]): unknown {
  return kinds.some((kind) => secretInner(kind)) ? new Secret(value) : value;
}

/** What the class says against a value of one field. */
function fault({ cls, saved }: Form, key: string, value: unknown): string | undefined {
  const issues: Issue[] = [];
  const target = (place: string) => saved.get(place) ?? `there is no saved document ${place} of a type that belongs here`;
  const input = fillFields(cls, { [key]: value }, { entry: { file: "-" }, target, issues, literals: new Set() });
  const parsed = cls[DEFINITION].parse(byName(cls[DEFINITION], input));
  if (issues.length === 0 && "issues" in parsed)
    issues.push(...parsed.issues.filter(({ path }) => path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`)));
  return issues.length === 0 ? undefined : issues.map(({ path, message }) => (path === key ? message : `${path}: ${message}`)).join("\n");
}

/** The slugs of the blocks, when all kinds are blocks. */
function blocksOf(kinds: readonly z.ZodType[]): ReadonlySet<string> | undefined {
  const classes = kinds.flatMap((kind) => blockInner(kind) ?? []);
  return classes.length > 0 && classes.length === kinds.length ? new Set(classes.map((each) => each[DEFINITION].slug)) : undefined;
}

/** All values, when they are few and known. */
function choicesOf(kinds: readonly z.ZodType[]): readonly unknown[] | undefined {
  const each = kinds.map((kind) => {
    const { type, values, entries } = defOf(kind);
    if (type === "boolean") return [true, false];
    return values ?? (entries && Object.values(entries));
  });
  return each.length > 0 && each.every((values) => values !== undefined) ? each.flat() : undefined;
}

function presetOf(declared: z.ZodType): unknown {
  const { defaultValue, innerType } = defOf(declared);
  return defaultValue ?? (innerType && presetOf(innerType));
}

/** Whether a value typed here would hold a secret; a nested block inside a list or an object could too. */
function holdsSecret(schema: z.ZodType, above: readonly z.ZodType[] = []): boolean {
  if (secretInner(schema)) return true;
  const cls = blockInner(schema);
  if (cls) return cls[DEFINITION].fields.some(({ declared }) => holdsSecret(declared));
  if (above.includes(schema) || isJsonSchema(schema)) return false;
  return children(schema).some((child) => holdsSecret(child, [...above, schema]));
}
