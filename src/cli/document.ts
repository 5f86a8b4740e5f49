/**
 * `ashlar ls`, `ashlar inspect` and `ashlar delete`: saved documents, by what a store tells without any key; `inspect --reveal` opens one.
 *
 * JSON: `{"documents":[{"id","type","name","schema","revision","created","updated","updatedBy"}]}`; `{"document":{…the same, "data","references",
 * "secrets"}}`, where `data` has null in place of what `references` and `secrets` name by JSON pointer, a secret as `{"changed"}`, with
 * `--reveal` as `{"value"}`; `{"deleted":[{"id","type","name"}]}`.
 * @module
 */
import { AshlarError, isAshlarError } from "../errors.ts";
import { splitReference } from "../slug.ts";
import type { Document, MaskedDocument, Store } from "../stores/store.ts";
import { agreeToDelete } from "./ask.ts";
import { type Leaf, leavesOf } from "./leaves.ts";
import { allDocuments, checkType, findDocument, placeOf } from "./lookup.ts";
import { jsonText, paint, pairs, plain, print, table } from "./output.ts";
import type { Session } from "./session.ts";

/** Lists documents in order of type and name; with `--anonymous` those that nobody gave a name. */
export async function listDocuments(session: Session, [type]: readonly string[], options: { anonymous?: boolean }): Promise<void> {
  const store = await session.store();
  const documents = await allDocuments(store, type, options.anonymous === true);
  if (documents.length === 0 && type !== undefined) await checkType(store, type);
  const result = { documents: documents.map(({ data: _data, references: _references, secrets: _secrets, ...head }) => head) };
  print(session, result, () =>
    documents.length === 0
      ? [
          `There are no ${options.anonymous ? "anonymous " : ""}documents${type === undefined ? "" : ` of type ${plain(type)}`} in ${plain(store.url)}.`,
        ]
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

/** Shows one document: what is public, where it refers to, and when each secret changed; or, if asked, what it is. */
export async function inspectDocument(session: Session, [reference = ""]: readonly string[], options: { reveal?: boolean }): Promise<void> {
  const store = await session.store();
  const document = await findDocument(store, splitReference(reference));
  if (options.reveal !== true) {
    const rows = fieldRows(leavesOf(document), ({ changed }) =>
      paint("dim", `********${changed === null ? "" : `  changed ${time(changed)}`}`),
    );
    print(session, { document }, () => [...heading(document), "", ...pairs(rows, "  ")]);
    return;
  }
  const [opened] = (await store.load({ id: document.id })) as [Document];
  const secrets = Object.fromEntries(Object.entries(opened.secrets).map(([at, secret]) => [at, { value: secret.reveal() }]));
  const rows = fieldRows(leavesOf({ ...opened, secrets }), ({ value }) => jsonText(value));
  print(session, { document: { ...opened, secrets } }, () => [...heading(opened), "", ...pairs(rows, "  ")]);
}

/** Deletes one document; with `--cascade` all that refer to it, after they were named and agreed to. */
export async function deleteDocument(
  session: Session,
  [reference = ""]: readonly string[],
  options: { cascade?: boolean; yes?: boolean },
): Promise<void> {
  const store = await session.store();
  const document = await findDocument(store, splitReference(reference));
  const cascade = options.cascade === true;
  const referring = cascade && options.yes !== true ? await allReferring(store, document) : [];
  if (referring.length > 0)
    await agreeToDelete(`${placeOf(document)} and the ${referring.length} that refer to it: ${referring.join(", ")}`);
  const deleted = await removeOrExplain(store, document, cascade);
  print(session, { deleted }, () => deleted.map((each) => `${paint("red", "-")} ${plain(placeOf(each))}`));
}

async function removeOrExplain(store: Store, document: MaskedDocument, cascade: boolean) {
  try {
    return await store.delete({ type: document.type, name: document.name }, { cascade });
  } catch (error) {
    if (!isAshlarError(error, "ERR_REFERENCED")) throw error;
    const documents = error.details.documents ?? [];
    throw new AshlarError(
      "ERR_REFERENCED",
      `${placeOf(document)} is referred to by ${documents.join(", ")}. Delete or change them first, or delete all together with --cascade.`,
      error.details,
    );
  }
}

/** Every document that refers to one, at any distance, in order of type and name. */
async function allReferring(store: Store, root: MaskedDocument): Promise<string[]> {
  const all = await allDocuments(store);
  const reached = new Set([root.id]);
  for (let before = 0; before < reached.size; ) {
    before = reached.size;
    for (const each of all) if (Object.values(each.references).some(({ id }) => reached.has(id))) reached.add(each.id);
  }
  return all.filter((each) => reached.has(each.id) && each.id !== root.id).map(placeOf);
}

function heading(document: MaskedDocument | Document): string[] {
  const revision = document.revision === null ? "" : `revision ${document.revision}, `;
  const by = document.updatedBy === "" ? "" : ` by ${plain(document.updatedBy)}`;
  return [
    paint("bold", plain(placeOf(document))),
    ...pairs(
      [
        ["Id", plain(document.id)],
        ["Saved", `${revision}${time(document.updated)}${by}`],
        ["Created", time(document.created)],
        ["Schema", plain(document.schema)],
      ],
      "  ",
    ),
  ];
}

function fieldRows<S>(leaves: readonly Leaf<S>[], secretText: (secret: S) => string): [string, string][] {
  return leaves.map((leaf) => {
    if (leaf.kind === "value") return [leaf.path, jsonText(leaf.value)];
    if (leaf.kind === "reference") return [leaf.path, paint("cyan", `→ ${plain(placeOf(leaf.reference))}`)];
    return [leaf.path, secretText(leaf.secret)];
  });
}

/** `2026-11-22 15:42:10Z`: sorts, and says its zone. */
function time(iso: string): string {
  return plain(iso.replace("T", " ").replace(/\.\d+/, ""));
}
