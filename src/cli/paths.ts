/**
 * Where a value stands in a tree of plain data: dotted paths as people write them, and putting, finding and taking away at one. Touches nothing else.
 * @module
 */

/** The way to a value: keys, and positions in lists. */
export type Path = readonly (string | number)[];

/** The parts of `hosts[2].name`; a position may also be written `hosts.2.name`. */
export function pathParts(path: string): Path {
  return (path.match(/\[\d+\]|[^.[\]]+/g) ?? []).map((part) => (part.startsWith("[") ? Number(part.slice(1, -1)) : part));
}

/** What stands at a path; undefined where nothing does. */
export function valueAt(tree: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (node, part) => (typeof node === "object" && node !== null && Object.hasOwn(node, part) ? node[part as never] : undefined),
    tree,
  );
}

/** Puts a value at a path of a tree, which it changes; mappings that are missing on the way are made. */
export function put(tree: object, path: Path, value: unknown): void {
  const [part, ...rest] = path;
  if (part === undefined) return;
  const inner = valueAt(tree, [part]);
  const isTree = typeof inner === "object" && inner !== null;
  const next = rest.length === 0 ? value : isTree ? inner : {};
  Object.defineProperty(tree, part, { value: next, writable: true, enumerable: true, configurable: true }); // a key __proto__ too
  if (rest.length > 0) put(next as object, rest, value);
}

/** Takes away what stands at a path; what follows in a list moves up. */
export function takeAway(tree: object, path: Path): void {
  const holder = valueAt(tree, path.slice(0, -1));
  const last = path.at(-1);
  if (last === undefined || typeof holder !== "object" || holder === null) return;
  if (Array.isArray(holder)) holder.splice(Number(last), 1);
  else delete (holder as Record<string, unknown>)[last];
}
