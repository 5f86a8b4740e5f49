/**
 * Finding documents and types in a store, and saying what was near where nothing is. Reads the store; needs no key.
 * @module
 */
import type { AnyBlockClass } from "../definition.ts";
import { isAshlarError } from "../errors.ts";
import { classFromSchema } from "../schema-class.ts";
import type { BlockSchema, MaskedDocument, Store } from "../stores/store.ts";
import { unknownType } from "./session.ts";

const PAGE = 1000;

/** `slug/name`. */
export function placeOf({ type, name }: { readonly type: string; readonly name: string }): string {
  return `${type}/${name}`;
}

/** All documents, or those of one type, in order of type and name; the anonymous ones only if those are asked for. */
export async function allDocuments(store: Store, type?: string | undefined, anonymous = false): Promise<MaskedDocument[]> {
  const all: MaskedDocument[] = [];
  for (let after: MaskedDocument | undefined; ; after = all.at(-1)) {
    const page = await store.list({ type, anonymous, after: after && { type: after.type, name: after.name }, limit: PAGE });
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

/** The document, masked; where it is not there because its type is misspelt, the error says so. @throws AshlarError `ERR_NOT_FOUND`, `ERR_UNKNOWN_TYPE` */
export async function findDocument(store: Store, key: { type: string; name: string }): Promise<MaskedDocument> {
  try {
    return await store.inspect(key);
  } catch (error) {
    if (isAshlarError(error, "ERR_NOT_FOUND")) await checkType(store, key.type);
    throw error;
  }
}

/** Refuses a slug that no registered type has. @throws AshlarError `ERR_UNKNOWN_TYPE` */
export async function checkType(store: Store, slug: string): Promise<void> {
  const types = await store.types();
  if (!types.some((type) => type.slug === slug)) throw unknownType(slug, types, store);
}

/** A type's newest schema, and a class of it. @throws AshlarError `ERR_UNKNOWN_TYPE` */
export async function findClass(store: Store, slug: string): Promise<{ cls: AnyBlockClass; schema: BlockSchema }> {
  await checkType(store, slug);
  const schema = await store.schema({ type: slug });
  if (!schema) throw unknownType(slug, [], store);
  return { cls: classFromSchema(schema), schema };
}
