/**
 * `ashlar ls`, `ashlar inspect` and `ashlar delete`: saved documents, by what a store tells without any key.
 *
 * JSON: `{"documents":[{"id","type","name","schema","revision","created","updated","updatedBy"}]}`; `{"document":{…the same, "data","references",
 * "secrets"}}`, where `data` has null in place of what `references` and `secrets` name by JSON pointer; `{"deleted":[{"id","type","name"}]}`.
 * @module
 */
import { createInterface } from "node:readline/promises";
import { AshlarError, isAshlarError } from "../errors.ts";
import { splitReference } from "../slug.ts";
import type { MaskedDocument, Store } from "../stores/store.ts";
import { usageError } from "./failure.ts";
import { leavesOf } from "./leaves.ts";
import { jsonText, paint, pairs, plain, print, table } from "./output.ts";
import { type Session, unknownType } from "./session.ts";

const PAGE = 1000;

/** Lists documents in order of type and name. */
export async function listDocuments(session: Session, [type]: readonly string[]): Promise<void> {
  const store = await session.store();
  const documents = await allDocuments(store, type);
  if (documents.length === 0 && type !== undefined) await checkType(store, type);
  const result = { documents: documents.map(({ data: _data, references: _references, secrets: _secrets, ...head }) => head) };
  print(session, result, () =>
    documents.length === 0
      ? [`There are no documents${type === undefined ? "" : ` of type ${plain(type)}`} in ${plain(store.url)}.`]
      : table(
          ["TYPE", "NAME", "REVISION", "UPDATED", "BY"],
          documents.map((each) => [
            each.type,
            each.name,
            String(each.revision ?? ""),
            time(each.updated),
            each.damaged ? "(damaged)" : each.updatedBy,
          ]),
        ),
  );
}

/** Shows one document: what is public, where it refers to, and when each secret changed. */
export async function inspectDocument(session: Session, [reference = ""]: readonly string[]): Promise<void> {
  const store = await session.store();
  const document = await find(store, splitReference(reference));
  print(session, { document }, () => [...heading(document), "", ...pairs(fieldRows(document), "  ")]);
}

/** Deletes one document; with `--cascade` all that refer to it, after they were named and agreed to. */
export async function deleteDocument(
  session: Session,
  [reference = ""]: readonly string[],
  options: { cascade?: boolean; yes?: boolean },
): Promise<void> {
  const store = await session.store();
  const document = await find(store, splitReference(reference));
  const cascade = options.cascade === true;
  const referring = cascade && options.yes !== true ? await allReferring(store, document) : [];
  if (referring.length > 0) await confirm(`${place(document)} and the ${referring.length} that refer to it: ${referring.join(", ")}`);
  const deleted = await removeOrExplain(store, document, cascade);
  print(session, { deleted }, () => deleted.map((each) => `${paint("red", "-")} ${plain(place(each))}`));
}

async function removeOrExplain(store: Store, document: MaskedDocument, cascade: boolean) {
  try {
    return await store.delete({ type: document.type, name: document.name }, { cascade });
  } catch (error) {
    if (!isAshlarError(error, "ERR_REFERENCED")) throw error;
    const documents = error.details.documents ?? [];
    throw new AshlarError(
      "ERR_REFERENCED",
      `${place(document)} is referred to by ${documents.join(", ")}. Delete or change them first, or delete all together with --cascade.`,
      error.details,
    );
  }
}

/** Every document that refers to one, at any distance, in order of type and name. */
async function allReferring(store: Store, root: MaskedDocument): Promise<string[]> {
  const all = await allDocuments(store, undefined);
  const reached = new Set([root.id]);
  for (let before = 0; before < reached.size; ) {
    before = reached.size;
    for (const each of all) if (Object.values(each.references).some(({ id }) => reached.has(id))) reached.add(each.id);
  }
  return all.filter((each) => reached.has(each.id) && each.id !== root.id).map(place);
}

async function confirm(what: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw usageError(`This would delete ${what}. Without a terminal to ask on, say --yes.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Delete ${plain(what)}? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw usageError("Nothing was deleted.");
  } finally {
    terminal.close();
  }
}

async function allDocuments(store: Store, type: string | undefined): Promise<MaskedDocument[]> {
  const all: MaskedDocument[] = [];
  for (let after: MaskedDocument | undefined; ; after = all.at(-1)) {
    const page = await store.list({ type, after: after && { type: after.type, name: after.name }, limit: PAGE });
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

/** The document; where it is not there because its type is misspelt, the error says so. */
async function find(store: Store, key: { type: string; name: string }): Promise<MaskedDocument> {
  try {
    return await store.inspect(key);
  } catch (error) {
    if (isAshlarError(error, "ERR_NOT_FOUND")) await checkType(store, key.type);
    throw error;
  }
}

async function checkType(store: Store, slug: string): Promise<void> {
  const types = await store.types();
  if (!types.some((type) => type.slug === slug)) throw unknownType(slug, types, store);
}

function heading(document: MaskedDocument): string[] {
  const revision = document.revision === null ? "" : `revision ${document.revision}, `;
  return [
    paint("bold", plain(place(document))),
    ...pairs(
      [
        ["Id", plain(document.id)],
        ["Saved", `${revision}${time(document.updated)} by ${plain(document.updatedBy)}`],
        ["Created", time(document.created)],
        ["Schema", plain(document.schema)],
      ],
      "  ",
    ),
  ];
}

function fieldRows(document: MaskedDocument): [string, string][] {
  return leavesOf(document).map((leaf) => {
    if (leaf.kind === "value") return [leaf.path, jsonText(leaf.value)];
    if (leaf.kind === "reference") return [leaf.path, paint("cyan", `→ ${plain(place(leaf.reference))}`)];
    return [leaf.path, paint("dim", `********  changed ${time(leaf.secret.changed)}`)];
  });
}

function place({ type, name }: { type: string; name: string }): string {
  return `${type}/${name}`;
}

/** `2026-11-22 15:42:10Z`: sorts, and says its zone. */
function time(iso: string): string {
  return plain(iso.replace("T", " ").replace(/\.\d+/, ""));
}
