/**
 * Makes block classes known to a store: their types and schemas, nested classes first. Touches the schema and the store's contract.
 * @module
 */
import { type AnyBlockClass, DEFINITION } from "./definition.ts";
import { isAshlarError } from "./errors.ts";
import { remember } from "./registry.ts";
import { checksumOf, reachableClasses, schemaTextFor } from "./schema.ts";
import type { Draft, MaskedDocument, Registered, Store, WriteCondition } from "./stores/store.ts";

const registrations = new WeakMap<Store, WeakMap<AnyBlockClass, Promise<unknown>>>();

/** Saves a draft of a class, registered before; anew, if the store has lost the type since. @throws AshlarError as {@link Store.save} */
export async function saveRegistered(cls: AnyBlockClass, store: Store, draft: Draft, condition: WriteCondition): Promise<MaskedDocument> {
  await ensureRegistered(cls, store);
  try {
    return await store.save(draft, condition);
  } catch (error) {
    if (!isAshlarError(error, "ERR_UNKNOWN_TYPE")) throw error;
    registrations.get(store)?.delete(cls);
    await ensureRegistered(cls, store);
    return store.save(draft, condition);
  }
}

/** Registers a class once per store and process; a failure is tried again by the next save. */
async function ensureRegistered(cls: AnyBlockClass, store: Store): Promise<void> {
  let done = registrations.get(store);
  if (!done) registrations.set(store, (done = new WeakMap()));
  let registration = done.get(cls);
  if (!registration) {
    registration = registerClass(cls, store, false);
    done.set(cls, registration);
    registration.catch(() => done.delete(cls));
  }
  await registration;
}

/**
 * Registers a class and all that its values may hold, leaves first. Any version of a schema's checksum that the store has will do, and its type with
 * it; so what is known costs one look each, all at once.
 * @param update write changed metadata over an existing type's.
 */
export async function registerClass(cls: AnyBlockClass, store: Store, update: boolean): Promise<readonly Registered[]> {
  const classes = [...reachableClasses(cls), cls];
  const known = await Promise.all(classes.map((each) => isKnown(each, store)));
  const results: Registered[] = [];
  for (const [index, each] of classes.entries()) {
    remember(each);
    const { slug, name, description, logoUrl, documentationUrl, codeExample, capabilities, version } = each[DEFINITION];
    const checksum = checksumOf(each);
    let change: Registered["change"] = "unchanged";
    if (update || !known[index]) {
      const example = codeExample ?? `\`\`\`typescript\nconst block = await ${each.name}.load("BLOCK_NAME");\n\`\`\``;
      const type = { slug, name, description, logoUrl, documentationUrl, codeExample: example };
      ({ change } = await store.saveType(type, { update }));
    }
    const newSchema =
      !known[index] && (await store.saveSchema({ checksum, type: slug, version, capabilities, fields: schemaTextFor(each) })).created;
    results.push({ type: slug, checksum, change, newSchema });
  }
  return results;
}

async function isKnown(cls: AnyBlockClass, store: Store): Promise<boolean> {
  try {
    return (await store.schema({ type: cls[DEFINITION].slug, checksum: checksumOf(cls) })) !== null;
  } catch (error) {
    if (isAshlarError(error, "ERR_CANNOT_OPEN")) return false; // a damaged one is written anew
    throw error;
  }
}
