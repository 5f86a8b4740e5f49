/**
 * Which values of a document are secret, by its schema as Prefect writes it: `secret_fields`, and what is marked as a password (protocol.md §3.4).
 * Pure functions; touches json.ts.
 *
 * What lies under a secret path is secret: through lists and dictionaries, nested models and blocks, and by the names of aliases.
 * @module
 */
import { isRawNumber, type Json, type JsonObject, pointer } from "./json.ts";
import { MASK } from "./secret.ts";

/** A node of a JSON schema, as far as it is read here; anything may be missing or of another kind. */
type Node = { readonly [key: string]: unknown };
/** The parts of a dotted path that are left from here. */
type Path = readonly string[];

/**
 * The places of all secrets in a document's data that are set, as JSON pointers, none inside of another.
 *
 * Where the schema marks the parts of a value as secret, each part is one, as in `z.array(secret())`; else the value as a whole.
 * @param masked the data came without secrets, or goes out without them: masks are places, and so is whatever may be secret. Without it, what the
 * schema leaves open counts as public, since the class it is loaded with knows.
 */
export function secretPlaces(fields: JsonObject, data: Json, masked = false): string[] {
  const search = new Search(isNode(fields.definitions) ? fields.definitions : isNode(fields.$defs) ? fields.$defs : {}, masked);
  search.visit([fields], secretFieldsOf(fields), data, "");
  const found = [...search.found].sort();
  return found.filter((place, index) => !found.slice(0, index).some((outer) => place.startsWith(`${outer}/`)));
}

function secretFieldsOf(node: Node): Path[] {
  const listed = Array.isArray(node.secret_fields) ? node.secret_fields : [];
  return listed.filter((path) => typeof path === "string").map((path) => path.split("."));
}

class Search {
  readonly found = new Set<string>();
  readonly #definitions: Node;
  readonly #masked: boolean;

  constructor(definitions: Node, masked: boolean) {
    this.#definitions = definitions;
    this.#masked = masked;
  }

  /** @param nodes what the schema allows here; @param paths the secret paths that lead here, without what led here. */
  visit(nodes: readonly Node[], paths: readonly Path[], value: Json | undefined, at: string): void {
    if (value === null || value === undefined) return; // not set
    const fitting = nodes.flatMap((node) => this.#choices(node)).filter((node) => fits(node, value));
    const further = paths.filter(([part]) => part !== undefined && part !== "*");
    const named = further.length < paths.length;
    if (fitting.some(isMarked) || (this.#masked && value === MASK)) this.found.add(at);
    else if (named && !(isTree(value) && fitting.some((node) => this.#marksParts(node)))) this.found.add(at);
    else if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) this.visit(itemNodes(fitting, index), further, item as Json, `${at}/${index}`);
    } else if (isTree(value)) {
      for (const key of Object.keys(value)) this.#entry(fitting, further, value as JsonObject, key, at);
    }
  }

  #entry(nodes: readonly Node[], paths: readonly Path[], parent: JsonObject, key: string, at: string): void {
    // Of a union the slug beside the values chooses. A block inside of another has a list of its own; the outer one's is of all choices.
    const slug = parent.block_type_slug;
    const chosen = nodes.filter((node) => typeof slug !== "string" || node.block_type_slug === undefined || node.block_type_slug === slug);
    const known = new Set(nodes.flatMap((node) => Object.keys(propertiesOf(node))));
    // A dictionary: its keys stand in no path, and Prefect takes the schema of its values away.
    const open = chosen.every((node) => Object.keys(propertiesOf(node)).length === 0);
    const own = chosen.flatMap(secretFieldsOf);
    const decided = typeof slug === "string" && chosen.some((node) => node.block_type_slug === slug && Array.isArray(node.secret_fields));
    const left = (decided && !this.#masked ? own : [...paths, ...own]).flatMap((path) => {
      const [part = "", ...rest] = path;
      const here = part === key || (known.size > 0 && !known.has(part) && this.#mayBe(part, key, known));
      return [...(here ? [rest] : []), ...(open ? [path] : [])];
    });
    const next = chosen.flatMap((node) => {
      const properties = propertiesOf(node);
      return [Object.hasOwn(properties, key) ? properties[key] : node.additionalProperties].filter(isNode);
    });
    this.visit(next, left, parent[key], at + pointer([key]));
  }

  /** Whether a name that no property has may be this one's: secret paths are by Python's names, data by aliases. */
  #mayBe(name: string, key: string, known: ReadonlySet<string>): boolean {
    if (alike(name) === alike(key)) return true;
    return this.#masked && ![...known].some((other) => alike(other) === alike(name));
  }

  /** What a node stands for: itself, or what it refers to and chooses among. */
  #choices(node: Node, seen: ReadonlySet<string> = new Set()): Node[] {
    const within = [node.anyOf, node.oneOf, node.allOf].flatMap((list) => (Array.isArray(list) ? list.filter(isNode) : []));
    const name = typeof node.$ref === "string" ? node.$ref.replace(/^#\/(definitions|\$defs)\//, "") : undefined;
    const target = name !== undefined && !seen.has(name) && Object.hasOwn(this.#definitions, name) ? this.#definitions[name] : undefined;
    if (isNode(target)) return [...(isMarked(node) ? [node] : []), ...this.#choices(target, new Set([...seen, name as string]))];
    return within.length > 0 ? [...(isMarked(node) ? [node] : []), ...within.flatMap((choice) => this.#choices(choice, seen))] : [node];
  }

  /** Whether the schema itself marks the secret parts of a value; a masked view shows only what stands beside none. */
  #marksParts(node: Node, depth = 0): boolean {
    if (isMarked(node)) return true;
    const parts = [node.items, node.additionalProperties, ...(Array.isArray(node.prefixItems) ? node.prefixItems : [])].filter(isNode);
    const choices = parts.flatMap((part) => this.#choices(part)).filter((choice) => choice.type !== "null");
    const marks = (choice: Node) => depth < 16 && this.#marksParts(choice, depth + 1);
    return choices.length > 0 && (this.#masked ? choices.every(marks) : choices.some(marks));
  }
}

function propertiesOf(node: Node): Node {
  return isNode(node.properties) ? node.properties : {};
}

function itemNodes(nodes: readonly Node[], index: number): Node[] {
  return nodes.flatMap((node) => {
    const own = Array.isArray(node.prefixItems) && index < node.prefixItems.length ? node.prefixItems[index] : node.items;
    return isNode(own) ? [own] : [];
  });
}

/** Whether a value is of the kind that a node describes, as far as it says. */
function fits(node: Node, value: Json): boolean {
  switch (node.type) {
    case "object":
      return isTree(value) && !Array.isArray(value);
    case "array":
      return Array.isArray(value);
    case "null":
      return false;
    case "string":
      return typeof value === "string";
    default:
      return true;
  }
}

function isMarked(node: Node): boolean {
  return node.format === "password" && node.writeOnly === true;
}

function alike(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
}

function isTree(value: unknown): value is object {
  return typeof value === "object" && value !== null && !isRawNumber(value);
}

function isNode(value: unknown): value is Node {
  return isTree(value) && !Array.isArray(value);
}
