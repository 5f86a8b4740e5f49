/**
 * `ashlar export`: documents as the files that `ashlar apply` reads, in order of their references. Needs no key and holds no secret: where one is
 * stands `{ env: NAME }`, with a name made of type, document and path.
 *
 * JSON: `{"documents":[{"type","name","data"}]}`, which `apply` reads too.
 * @module
 */
import { DEFINITION } from "../definition.ts";
import { AshlarError } from "../errors.ts";
import { pointerParts } from "../json.ts";
import { classFromSchema } from "../schema-class.ts";
import { splitReference } from "../slug.ts";
import type { MaskedDocument, Store } from "../stores/store.ts";
import { declaredForm } from "./declared.ts";
import { allDocuments, checkType, findDocument, placeOf } from "./lookup.ts";
import { MAX_MANIFEST_BYTES } from "./manifest.ts";
import { jsonText, lines, paint, plain, writeText } from "./output.ts";
import type { Session } from "./session.ts";

/** A document as a file declares it. */
interface Exported {
  readonly type: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const HEAD = ` Made by "ashlar export"; "ashlar apply FILE" reads it. No secret is in here: set each variable named by env to the
 secret it stands for before applying, or write { file: PATH } in its place. A secret that is no text is given as JSON.`;

/** Writes what was chosen, by default everything, to standard output or a file. */
export async function exportDocuments(session: Session, chosen: readonly string[], options: { out?: string }): Promise<void> {
  const store = await session.store();
  const documents = inOrder(await select(store, chosen));
  const damaged = documents.filter((each) => each.damaged).map(placeOf);
  if (damaged.length > 0)
    throw new AshlarError("ERR_CANNOT_OPEN", `Nothing was written, since these are damaged: ${damaged.join(", ")}.`, {
      documents: damaged,
    });
  const denied = documents.filter((each) => each.denied).map(placeOf);
  if (denied.length > 0)
    throw new AshlarError("ERR_DENIED", `Nothing was written, since these refer to what you may not see: ${denied.join(", ")}.`, {
      documents: denied,
    });
  const layouts = await layoutsOf(store, documents);
  const names = new Set<string>();
  const exported = documents.map((each) => exportOne(each, layouts.get(`${each.type} ${each.schema}`), names));
  const text = session.json ? `${jsonText({ documents: exported })}\n` : await yamlText(exported, names);
  if (options.out === undefined) process.stdout.write(process.stdout.isTTY ? lines(text) : text);
  else writeText(options.out, text);
  if (Buffer.byteLength(text) > MAX_MANIFEST_BYTES)
    note(`this export is larger than apply reads, ${MAX_MANIFEST_BYTES} bytes a file: write several, such as one a type.`);
  const inside = new Set(documents.map(({ id }) => id));
  const outside = new Set(
    documents.flatMap(({ references }) => Object.values(references)).flatMap((each) => (inside.has(each.id) ? [] : placeOf(each))),
  );
  if (outside.size > 0) note(`${[...outside].join(", ")}: referred to, and not in this export. It applies where they are saved already.`);
}

function note(text: string): void {
  process.stderr.write(`${paint("yellow", "note:", process.stderr)} ${plain(text)}\n`);
}

async function select(store: Store, chosen: readonly string[]): Promise<MaskedDocument[]> {
  if (chosen.length === 0) return allDocuments(store);
  const found = new Map<string, MaskedDocument>();
  for (const each of chosen) {
    if (!each.includes("/")) await checkType(store, each);
    const documents = each.includes("/") ? [await findDocument(store, splitReference(each))] : await allDocuments(store, each);
    for (const document of documents) found.set(document.id, document);
  }
  return [...found.values()];
}

/** Those referred to before those that refer to them, else by type and name. */
function inOrder(documents: readonly MaskedDocument[]): MaskedDocument[] {
  const byId = new Map(documents.map((each) => [each.id, each]));
  const ordered = new Set<MaskedDocument>();
  const begun = new Set<MaskedDocument>();
  const visit = (document: MaskedDocument) => {
    if (begun.has(document)) return;
    begun.add(document);
    for (const { id } of Object.values(document.references)) {
      const child = byId.get(id);
      if (child) visit(child);
    }
    ordered.add(document);
  };
  for (const each of documents.toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))) visit(each);
  return [...ordered];
}

/** Of each schema: its keys in order, and whether a null there says only "not set". */
async function layoutsOf(store: Store, documents: readonly MaskedDocument[]): Promise<Map<string, ReadonlyMap<string, boolean>>> {
  const layouts = new Map<string, ReadonlyMap<string, boolean>>();
  for (const { type, schema: checksum } of documents) {
    if (layouts.has(`${type} ${checksum}`)) continue;
    const schema = await store.schema({ type, checksum });
    const fields = schema ? classFromSchema(schema)[DEFINITION].fields : [];
    layouts.set(`${type} ${checksum}`, new Map(fields.map(({ key, nullIsUnset }) => [key, nullIsUnset])));
  }
  return layouts;
}

function exportOne(document: MaskedDocument, layout: ReadonlyMap<string, boolean> = new Map(), names: Set<string>): Exported {
  const { type, name } = document;
  const tree = declaredForm(document, (at) => ({ env: variableFor([type, name, ...pointerParts(at)], names) }));
  const keys = [...layout.keys()].filter((key) => Object.hasOwn(tree, key));
  const others = Object.keys(tree).filter((key) => !layout.has(key));
  const set = [...keys, ...others].filter((key) => tree[key] !== null || layout.get(key) !== true);
  return { type, name, data: Object.fromEntries(set.map((key) => [key, tree[key]])) };
}

/** A variable's name that no other secret of the export has. */
function variableFor(parts: readonly string[], names: Set<string>): string {
  const words = parts.map((part) => part.replace(/[^A-Za-z0-9]+/g, "_").toUpperCase()).join("_");
  const first = /^\d/.test(words) ? `_${words}` : words;
  let name = first;
  for (let count = 2; names.has(name); count++) name = `${first}_${count}`;
  names.add(name);
  return name;
}

async function yamlText(documents: readonly Exported[], names: ReadonlySet<string>): Promise<string> {
  const { Document, isMap, isScalar, visit } = await import("yaml");
  const yaml = new Document(documents, { aliasDuplicateObjects: false });
  yaml.commentBefore = HEAD;
  visit(yaml, {
    Map(_, node) {
      const [only, ...more] = node.items;
      if (!only || more.length > 0 || !isScalar(only.key)) return;
      if (only.key.value === "env" || only.key.value === "ref") node.flow = true;
      if (only.key.value === "env" && names.has(String(only.value))) node.comment = " fill in";
    },
    Seq(_, node) {
      if (node.items.every((item) => !isMap(item)) && node !== yaml.contents) node.flow = node.items.length === 0;
    },
  });
  return yaml.toString({ lineWidth: 0 });
}
