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
import type { Document } from "../stores/store.ts";
import { declaredForm } from "./declared.ts";
import { leavesOf } from "./leaves.ts";
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
  let document: Pick<Document, "type" | "name" | "revision" | "data" | "references"> & { readonly secrets: object } = masked;
  let secretAt = (_pointer: string): unknown => MASK;
  if (options.reveal === true) {
    const [opened] = (await store.load({ id: masked.id })) as [Document];
    document = opened;
    secretAt = (pointer) => opened.secrets[pointer]?.reveal();
  }
  const tree = declaredForm(document, secretAt);
  const { type, name, revision } = document;
  const paths = leavesOf({ ...document, secrets: document.secrets as Readonly<Record<string, unknown>> }).map(({ path }) => path);
  if (field === undefined) {
    print(session, { type, name, revision, field: null, value: tree }, () =>
      paths.map((path) => `${plain(path)}=${oneLine(valueAt(tree, pathParts(path)))}`),
    );
    return;
  }
  const value = valueAt(tree, pathParts(field));
  if (value === undefined || (value === null && !paths.includes(field))) throw nothingThere(document, tree, field, paths);
  const text = rawText(value);
  print(session, { type, name, revision, field, value }, () => [process.stdout.isTTY ? lines(text) : text]);
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
