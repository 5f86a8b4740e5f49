/**
 * The definitions of a block schema: which ones a part refers to, and each as the schema that it is on its own. Pure functions; touches nothing else.
 * @module
 */

type Definitions = Readonly<Record<string, unknown>>;

/** The name in `#/definitions/NAME`. */
export function definitionName(reference: string): string {
  return reference.replace(/^#\/(definitions|\$defs)\//, "");
}

/** The definitions that a part of a schema refers to, directly or not. */
export function reachedDefinitions(part: unknown, definitions: Definitions, found = new Set<string>()): Set<string> {
  if (typeof part !== "object" || part === null) return found;
  for (const [key, value] of Object.entries(part)) {
    const name = key === "$ref" && typeof value === "string" ? definitionName(value) : undefined;
    if (name !== undefined && Object.hasOwn(definitions, name) && !found.has(name))
      reachedDefinitions(definitions[name], definitions, found.add(name));
    else reachedDefinitions(value, definitions, found);
  }
  return found;
}

/** A definition as a schema, with those that it refers to. */
export function schemaOfDefinition(name: string, definitions: Definitions): Record<string, unknown> {
  const own = definitions[name] as Record<string, unknown>;
  const within = [...reachedDefinitions(own, definitions)].map((each) => [each, definitions[each]] as const);
  return { ...own, ...(within.length > 0 && { definitions: Object.fromEntries(within) }) };
}
