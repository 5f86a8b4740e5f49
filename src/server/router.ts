/**
 * Finds the route of a path, exactly: no part of a path is skipped, cut or decoded twice. Pure; touches exchange.ts.
 *
 * One slash too many or too few at the end is the same path, as Prefect's server has it by a redirect.
 * @module
 */
import type { Route } from "./exchange.ts";

interface Node {
  readonly fixed: Map<string, Node>;
  /** What takes any segment, or a UUID. */
  readonly open: { readonly name: string; readonly uuid: boolean; readonly node: Node }[];
  readonly routes: Map<string, Route>;
}

/** A route and the segments that its path leaves open. */
export interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** A UUID with or without dashes, as Prefect's server takes it. */
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** A UUID in lower case with dashes; undefined for a text that is none. */
export function uuidOf(text: string): string | undefined {
  if (!UUID.test(text)) return undefined;
  const digits = text.replaceAll("-", "").toLowerCase();
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`;
}

/** The routes of a server. */
export class Router {
  readonly #root = newNode();

  /** @throws TypeError when two routes have one method and path. */
  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const node = segmentsOf(route.path).reduce(below, this.#root);
      if (node.routes.has(route.method)) throw new TypeError(`Two routes answer ${route.method} ${route.path}.`);
      node.routes.set(route.method, route);
    }
  }

  /** @param path without the query. @returns null: nothing has this path; `allow`: it is answered, by other methods. */
  find(method: string, path: string): Found | { readonly allow: readonly string[] } | null {
    if (!path.startsWith("/")) return null;
    const params: Record<string, string> = {};
    const node = lookUp(this.#root, segmentsOf(path), 0, params);
    if (!node) return null;
    const route = node.routes.get(method);
    return route ? { route, params } : { allow: [...node.routes.keys()] };
  }
}

function newNode(): Node {
  return { fixed: new Map(), open: [], routes: new Map() };
}

function segmentsOf(path: string): string[] {
  const segments = path.split("/");
  segments.shift();
  if (segments.at(-1) === "") segments.pop();
  return segments;
}

function below(node: Node, segment: string): Node {
  const [, name, kind] = /^\{(\w+)(:uuid)?\}$/.exec(segment) ?? [];
  if (name === undefined) {
    const known = node.fixed.get(segment) ?? newNode();
    node.fixed.set(segment, known);
    return known;
  }
  const known = node.open.find((each) => each.name === name && each.uuid === (kind !== undefined));
  if (known) return known.node;
  const open = { name, uuid: kind !== undefined, node: newNode() };
  node.open.push(open);
  return open.node;
}

function lookUp(node: Node, segments: readonly string[], index: number, params: Record<string, string>): Node | undefined {
  const segment = segments[index];
  if (segment === undefined) return node.routes.size > 0 ? node : undefined;
  const fixed = node.fixed.get(segment);
  const found = fixed && lookUp(fixed, segments, index + 1, params);
  if (found) return found;
  for (const { name, uuid, node: next } of node.open) {
    const value = uuid ? uuidOf(segment) : decoded(segment);
    if (value === undefined) continue;
    const end = lookUp(next, segments, index + 1, params);
    if (!end) continue;
    params[name] = value;
    return end;
  }
  return undefined;
}

/** The text of a segment; undefined where it is none, or would be more than one. */
function decoded(segment: string): string | undefined {
  if (segment === "") return undefined;
  if (!segment.includes("%")) return segment;
  try {
    const text = decodeURIComponent(segment);
    return text.includes("/") ? undefined : text;
  } catch {
    return undefined; // no UTF-8
  }
}
