/**
 * The filters of Prefect's lists (protocol.md §2.1 – §2.5): their shapes, and whether something fits them. Pure; touches validation.ts.
 * @module
 */
import type { StoredSchema, StoredType } from "../stores/store.ts";
import { type Call, refusal } from "./exchange.ts";
import { count, flag, integer, list, nullable, object, oneOf, optional, type Reader, rule, string, uuid } from "./validation.ts";

/** How many items a list has at most. */
const MOST_ITEMS = 200;

const anyOf = <T>(read: Reader<T>) => optional(nullable(object({ any_: optional(nullable(list(read)), null) })), null);
/** Longest text that is sought in others. */
const MOST_SOUGHT = 1000;
const sought = optional(
  nullable(string(rule((text) => text.length <= MOST_SOUGHT, `Texts of at most ${MOST_SOUGHT} characters are sought.`))),
  null,
);
const operator = optional(oneOf("and_", "or_"), "and_" as const);

/** Which part of a list is wanted. */
export const page = { limit: optional(integer, MOST_ITEMS), offset: optional(count, 0) };

/** The filters that a body may have. */
export const typeFilter = optional(
  object({
    name: optional(nullable(object({ like_: sought })), null),
    slug: anyOf(string()),
  }),
  null,
);
export const schemaFilter = optional(
  object({
    operator,
    block_type_id: anyOf(uuid),
    id: anyOf(uuid),
    version: anyOf(string()),
    block_capabilities: optional(nullable(object({ all_: optional(nullable(list(string())), null) })), null),
  }),
  null,
);
export const documentFilter = optional(
  object({
    operator,
    id: anyOf(uuid),
    is_anonymous: optional(nullable(object({ eq_: optional(nullable(flag), null) })), { eq_: false }),
    block_type_id: anyOf(uuid),
    name: optional(nullable(object({ any_: optional(nullable(list(string())), null), like_: sought })), null),
  }),
  null,
);

type Given<F> = F extends { readonly read: Reader<infer T> } ? T : never;
export type TypeFilter = Given<typeof typeFilter>;
export type SchemaFilter = Given<typeof schemaFilter>;
export type DocumentFilter = NonNullable<Given<typeof documentFilter>>;

/** Refuses a page of more than {@link MOST_ITEMS}. @throws Refusal */
export function checkLimit(limit: number): void {
  if (limit < 0) throw refusal(422, "Invalid limit: must be greater than or equal to 0.");
  if (limit > MOST_ITEMS) throw refusal(422, `Invalid limit: must be less than or equal to ${MOST_ITEMS}.`);
}

/** Which of some conditions are set; a condition that is not set says nothing. */
export type Condition<T> = ((item: T) => boolean) | undefined;

/** Joins conditions by a filter's operator; undefined when none is set. */
export function joined<T>(how: "and_" | "or_", conditions: readonly Condition<T>[]): Condition<T> {
  const set = conditions.filter((each) => each !== undefined);
  if (set.length === 0) return undefined;
  return how === "and_" ? (item) => set.every((each) => each(item)) : (item) => set.some((each) => each(item));
}

/** A condition that a value is among some; undefined when nothing is asked. */
export function among<T>(filter: { readonly any_: readonly string[] | null } | null, of: (item: T) => string): Condition<T> {
  if (!filter?.any_) return undefined;
  const wanted = new Set(filter.any_);
  return (item) => wanted.has(of(item));
}

/** A condition on a type. */
export function typeCondition(filter: TypeFilter): Condition<StoredType> {
  if (!filter) return undefined;
  return joined("and_", [like(filter.name?.like_, (type: StoredType) => type.name), among(filter.slug, (type) => type.slug)]);
}

/** A condition on a schema. @param typeId gives the id of a type's slug */
export function schemaCondition(filter: SchemaFilter, typeId: (slug: string) => string | undefined): Condition<StoredSchema> {
  if (!filter) return undefined;
  const wanted = filter.block_capabilities?.all_ ?? [];
  return joined<StoredSchema>(filter.operator, [
    among(filter.block_type_id, ({ type }) => typeId(type) ?? ""),
    among(filter.id, ({ id }) => id),
    among(filter.version, ({ version }) => version),
    wanted.length === 0 ? undefined : ({ capabilities }) => wanted.every((each) => capabilities.includes(each)),
  ]);
}

/** A condition that a text holds another, in any case, as SQL's ILIKE compares: `%` stands for any text, `_` for a character. */
export function like<T>(part: string | null | undefined, of: (item: T) => string): Condition<T> {
  if (!part) return undefined;
  const pattern = [...`%${lower(part)}%`];
  return (item) => matches([...lower(of(item))], pattern);
}

/** Letters of ASCII in lower case, as SQLite has them. */
function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** In time that grows with both lengths and no faster: only the last `%` is ever tried anew. */
function matches(text: readonly string[], pattern: readonly string[]): boolean {
  let [at, star, mark] = [0, -1, 0];
  for (let index = 0; index < text.length; ) {
    if (pattern[at] === "%") {
      star = at++;
      mark = index;
    } else if (pattern[at] === "_" || (at < pattern.length && pattern[at] === text[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++mark;
    } else return false;
  }
  while (pattern[at] === "%") at++;
  return at === pattern.length;
}

/** Compares texts byte by byte, as the stores order them. */
export function byBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Whether a call may be told of a type. */
export function mayKnow({ principal }: Call, slug: string): boolean {
  return principal.may("see", { type: slug });
}
