/**
 * Makes block classes known to a store: their types and schemas, nested classes first. Touches the schema and the store's contract.
 * @module
 */
import { type AnyBlockClass, DEFINITION } from "./definition.ts";
import { remember } from "./registry.ts";
import { checksumOf, reachableClasses, schemaTextFor } from "./schema.ts";
import type { Registered, Store } from "./stores/store.ts";

const registrations = new WeakMap<Store, WeakMap<AnyBlockClass, Promise<unknown>>>();

/** Registers a class once per store and process; a failure is tried again by the next save. */
export async function ensureRegistered(cls: AnyBlockClass, store: Store): Promise<void> {
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

/** Registers a class and all that its values may hold, leaves first. */
export async function registerClass(cls: AnyBlockClass, store: Store, update: boolean): Promise<readonly Registered[]> {
  const results: Registered[] = [];
  for (const each of [...reachableClasses(cls), cls]) {
    remember(each);
    const { slug, name, description, logoUrl, documentationUrl, codeExample, capabilities, version } = each[DEFINITION];
    const example = codeExample ?? `\`\`\`typescript\nconst block = await ${each.name}.load("BLOCK_NAME");\n\`\`\``;
    const checksum = checksumOf(each);
    const { change } = await store.saveType({ slug, name, description, logoUrl, documentationUrl, codeExample: example }, { update });
    const { created } = await store.saveSchema({ checksum, type: slug, version, capabilities, fields: schemaTextFor(each) });
    results.push({ type: slug, checksum, change, newSchema: created });
  }
  return results;
}
