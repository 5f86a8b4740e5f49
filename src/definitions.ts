/**
 * The definitions of a schema: which ones a part refers to, and each as the schema that it is on its own. Pure functions; touches nothing else.
 * @module
 */

type Definitions = Readonly<Record<string, unknown>>;

/** The name in `#/definitions/NAME`. */
export function nameOfReference(reference: string): string {
  return reference.replace(/^#\/(definitions|\$defs)\//, "");
}

/** The definitions that a part of a schema refers to, directly or not. */
export function reached(part: unknown, definitions: Definitions): Set<string> {
  const found = new Set<string>();
  const waiting: unknown[] = [part];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (typeof node !== "object" || node === null) continue;
    for (const [key, value] of Object.entries(node)) {
      const name = key === "$ref" && typeof value === "string" ? nameOfReference(value) : undefined;
      if (name === undefined || !Object.hasOwn(definitions, name)) waiting.push(value);
      else if (!found.has(name)) waiting.push(definitions[found.add(name) && name]);
    }
  }
  return found;
}

/** A definition as a schema, with those that it refers to. */
export function schemaOfDefinition(name: string, definitions: Definitions): Record<string, unknown> {
  const own = definitions[name] as Record<string, unknown>;
  const within = [...reached(own, definitions)].map((each) => [each, definitions[each]] as const);
  return { ...own, ...(within.length > 0 && { definitions: Object.fromEntries(within) }) };
}
