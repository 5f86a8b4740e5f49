/**
 * `ashlar get`: the values of one document for scripts, secrets masked unless they are asked for. Needs a key only then.
 *
 * One field is printed raw: text as it is, a reference as `slug/name`, all else as JSON. All of them: one `path=value` a line, text with control
 * characters as JSON. JSON: `{"type","name","revision","field","value"}`; `field` is null for all; `value` has `{"ref":"slug/name"}` for a reference.
 * @module
 */
import { AshlarError, nearest } from "../errors.ts";
import { MASK } from "../secret.ts";
import { splitReference } from "../slug.ts";
import type { Document, Store } from "../stores/store.ts";
import { declaredForm } from "./declared.ts";
import { type Content, leavesOf } from "./leaves.ts";
import { findDocument, placeOf } from "./lookup.ts";
import { jsonText, lines, plain, print } from "./output.ts";
import { pathParts, valueAt } from "./paths.ts";
import type { Session } from "./session.ts";

/** Prints a field, or all. */
export async function getFields(
  session: Session,
  [reference = "", field]: readonly string[],
  options: { reveal?: boolean },
): Promise<void> {
  const store = await session.store();
  const masked = await findDocument(store, splitReference(reference));
  const document: Shown = options.reveal === true ? await opened(store, masked.id) : masked;
  const secretAt = (pointer: string) => (document === masked ? MASK : document.secrets[pointer]);
  const tree = declaredForm(document, secretAt);
  const leaves = leavesOf(document).map(({ path, at }) => [path, valueAt(tree, at)] as const);
  const { type, name, revision } = document;
  if (field === undefined) {
    print(session, { type, name, revision, field: null, value: tree }, () =>
      leaves.map(([path, value]) => `${plain(path)}=${oneLine(value)}`),
    );
    return;
  }
  const way = pathParts(field);
  const leaf = leaves.find(([path]) => path === field); // a key may have dots
  const value = leaf ? leaf[1] : valueAt(tree, way);
  if (way.length === 0 || value === undefined || (value === null && !leaf))
    throw nothingThere(
      document,
      tree,
      field,
      leaves.map(([path]) => path),
    );
  const text = rawText(value);
  print(session, { type, name, revision, field, value }, () => [process.stdout.isTTY ? lines(text) : text]);
}

type Shown = Content<unknown> & Pick<Document, "type" | "name" | "revision">;

/** A document with its secrets in clear: this command prints them. */
async function opened(store: Store, id: string): Promise<Shown> {
  const [{ secrets, ...document }] = (await store.load({ id })) as [Document];
  return { ...document, secrets: Object.fromEntries(Object.entries(secrets).map(([at, secret]) => [at, secret.reveal()])) };
}

function nothingThere(document: { type: string; name: string }, tree: object, field: string, paths: readonly string[]): AshlarError {
  const here = placeOf(document);
  const parts = pathParts(field);
  const above = parts.map((_, index) => parts.slice(0, index)).find((way) => typeof valueAt(tree, [...way, "ref"]) === "string");
  if (above) {
    const target = String(valueAt(tree, [...above, "ref"]));
    const rest = parts.slice(above.length).join(".");
    return new AshlarError("ERR_NOT_FOUND", `${above.join(".")} of ${here} refers to ${target}: ashlar get ${target} ${rest}`, {
      path: field,
    });
  }
  const near = nearest(field, [...paths, ...Object.keys(tree)]);
  const hint = near === undefined || near === field ? "" : ` Did you mean "${near}"?`;
  return new AshlarError("ERR_NOT_FOUND", `${here} has nothing at ${field}.${hint}`, { path: field });
}

function rawText(value: unknown): string {
  if (typeof value === "string") return value;
  const reference = Object.keys(value as object).length === 1 ? valueAt(value, ["ref"]) : undefined;
  return typeof reference === "string" ? reference : JSON.stringify(value);
}

function oneLine(value: unknown): string {
  const text = rawText(value);
  return plain(text) === text ? text : jsonText(value);
}
