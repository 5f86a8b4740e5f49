/**
 * `ashlar reseal`: shows what was changed by hand, or by a merge, in documents that lie in files, and seals them as they are now. Touches the
 * store's edits and the place of files.
 *
 * JSON: `{"dryRun","documents":[{"type","name","changed","revision","changes":[{"path","kind","change","before","after"}]}]}`, changes as in apply.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileOf, folderPath, type Place, parsed } from "../backends/file-names.ts";
import { fromDocuments, toDraft } from "../document.ts";
import { AshlarError, invalid } from "../errors.ts";
import { pathText } from "../issues.ts";
import { pointerParts } from "../json.ts";
import { classFromSchema } from "../schema-class.ts";
import { splitReference } from "../slug.ts";
import type { Document, Edits, Store } from "../stores/store.ts";
import { agree } from "./ask.ts";
import { EXIT } from "./failure.ts";
import { type Change, changesBetween } from "./leaves.ts";
import { placeOf } from "./lookup.ts";
import { paint, plain, print } from "./output.ts";
import type { Session } from "./session.ts";
import { changeRows } from "./steps.ts";

interface Edit {
  readonly type: string;
  readonly name: string;
  readonly changed: boolean;
  readonly changes: readonly Change[];
}

/** Looks at all first, so that nothing is sealed while something does not fit. */
export async function reseal(session: Session, files: readonly string[], options: { dryRun?: boolean; yes?: boolean }): Promise<void> {
  const store = await session.store();
  const { edits } = store;
  if (!edits)
    throw new AshlarError("ERR_UNSUPPORTED", `${store.url} is no store in files: its documents are not edited where they rest.`, {
      store: store.url,
    });
  const found: Edit[] = [];
  for (const file of files) found.push(await look(store, edits, placeIn(session.url, file)));
  const changed = found.filter((each) => each.changed);
  const dryRun = options.dryRun === true;
  if (!session.json) print(session, {}, () => found.flatMap(shown));
  if (changed.length > 0 && !dryRun && options.yes !== true)
    await agree("seal", `${changed.map(placeOf).join(", ")} as shown`, "Nothing was sealed.");
  const documents: object[] = [];
  for (const { type, name, changed: edited, changes } of found) {
    const { revision } = edited && !dryRun ? await edits.accept({ type, name }) : { revision: null };
    documents.push({ type, name, changed: edited, revision, changes });
  }
  print(session, { dryRun, documents }, () => [
    dryRun ? "A dry run, nothing was sealed." : `${changed.length} sealed, ${found.length - changed.length} as they were.`,
  ]);
  if (dryRun && changed.length > 0) process.exitCode = EXIT.wouldChange;
}

/** The document that a file holds, or that `slug/name` names. */
function placeIn(url: string, file: string): { type: string; name: string } {
  if (!existsSync(file)) {
    if (/^[a-z0-9-]+\/[a-z0-9-]+$/.test(file)) return splitReference(file);
    throw new AshlarError("ERR_NOT_FOUND", `There is no file ${file}.`);
  }
  const place = parsed(readFileSync(file, "utf8")) as Partial<Place> | undefined;
  if (typeof place?.type !== "string" || typeof place.name !== "string" || (place.kind !== "document" && place.kind !== "anonymous"))
    throw new AshlarError(
      "ERR_INVALID",
      `${file} is no document of a store: where a merge left its marks (<<<<<<<), take them away first.`,
    );
  if (resolve(file) !== join(folderPath(url), fileOf(place as Place)))
    throw new AshlarError(
      "ERR_INVALID",
      `${file} says that it is ${place.type}/${place.name}, and does not lie where the store at ${url} keeps that.`,
    );
  return { type: place.type, name: place.name };
}

async function look(store: Store, edits: Edits, key: { type: string; name: string }): Promise<Edit> {
  const edit = await edits.find(key);
  if (!edit) return { ...key, changed: false, changes: [] };
  await checkFits(store, edit.after);
  const { before, after } = edit;
  const changes = changesBetween(before, after).filter(({ change }) => change !== "same");
  if (before.schema !== after.schema)
    changes.push({ path: "schema", kind: "schema", change: "changed", before: before.schema, after: after.schema });
  return { ...key, changed: true, changes };
}

/** Refuses what does not fit the schema, and secrets in clear. @throws AshlarError `ERR_INVALID`, `ERR_SCHEMA`, `ERR_BROKEN_REFERENCE` */
async function checkFits(store: Store, document: Document): Promise<void> {
  const schema = await store.schema({ type: document.type, checksum: document.schema });
  if (!schema)
    throw new AshlarError(
      "ERR_INVALID",
      `${placeOf(document)} says that it has the schema ${document.schema.slice(0, 19)}, which the store does not know.`,
    );
  const ids = Object.values(document.references).map(({ id }) => id);
  const children = (await store.loadMany(ids)).flatMap(({ documents = [] }) => documents);
  const cls = classFromSchema(schema);
  const block = fromDocuments([document, ...children], cls);
  const clear = Object.keys(toDraft(block, document.name).secrets).filter((at) => !isKept(document, at));
  if (clear.length === 0) return;
  const message = "is secret and stands here in clear: take it away, and give the value by ashlar set; it is known to all who see the file";
  const issues = clear.map((at) => ({ path: pathText(pointerParts(at)), message }));
  throw invalid(`${placeOf(document)} cannot be sealed`, issues, "ERR_INVALID", { type: document.type, name: document.name });
}

/** A class may hide the parts of what was hidden whole, or the other way round. */
function isKept({ secrets }: Document, at: string): boolean {
  return Object.keys(secrets).some((known) => known === at || at.startsWith(`${known}/`) || known.startsWith(`${at}/`));
}

function shown(edit: Edit): string[] {
  if (!edit.changed) return [paint("dim", `= ${plain(placeOf(edit))}`)];
  const rows =
    edit.changes.length > 0
      ? changeRows(edit.changes)
      : [paint("dim", "    nothing that counts: its revision, or when and by whom it was written")];
  return [paint("yellow", `~ ${plain(placeOf(edit))}`), ...rows];
}
