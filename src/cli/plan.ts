/**
 * What `ashlar apply` would do: declared documents checked against the stored schemas, in order of their references, compared with the store.
 * Reads the store and writes nothing.
 * @module
 */
import { MAX_REFERENCE_DEPTH } from "../backends/backend.ts";
import { type AnyBlock, type AnyBlockClass, CheckedValues, DEFINITION } from "../definition.ts";
import { toDraft } from "../document.ts";
import { type Issue, invalid, isAshlarError, nearest } from "../errors.ts";
import { byName } from "../fields.ts";
import { classFromSchema } from "../schema-class.ts";
import { splitReference } from "../slug.ts";
import { checkDraft } from "../stores/record.ts";
import type { Document, Draft, MaskedDocument, Store } from "../stores/store.ts";
import { type Change, changesBetween } from "./leaves.ts";
import { placeOf } from "./lookup.ts";
import { type Entry, readManifests } from "./manifest.ts";
import { unknownType } from "./session.ts";
import { fillFields, referencesIn, type Target } from "./values.ts";

/** One declared document and what happens to it. */
export interface Step {
  readonly draft: Draft;
  /** What is there now. */
  readonly before: Document | null;
  readonly action: "create" | "change" | "unchanged";
  readonly changes: readonly Change[];
}

/** All of it, in the order in which it can be written. */
export interface Plan {
  readonly steps: readonly Step[];
  /** Where secrets stand in clear in what was declared: allowed and not advisable. */
  readonly literals: readonly string[];
}

/** The id of a document that is yet to be made, in the drafts of those that refer to it. */
export function futureId(place: string): string {
  return `new ${place}`;
}

/** Plans what the files declare. @throws AshlarError `ERR_INVALID` with all that is wrong in all files; what the store throws */
export async function makePlan(store: Store, files: readonly string[]): Promise<Plan> {
  const issues: Issue[] = [];
  return planEntries(store, readManifests(files, issues), issues);
}

/** Plans what is declared; `issues` is what was found wrong before. @throws AshlarError as {@link makePlan} does */
export async function planEntries(store: Store, declared: readonly Entry[], issues: Issue[] = []): Promise<Plan> {
  const entries = withoutDoubles(declared, issues);
  const classes = await classesOf(store, entries, issues);
  const there = await lookUp(store, entries);
  const literals: string[] = [];
  const drafts = new Map<string, { entry: Entry; draft: Draft }>();
  for (const [place, entry] of entries) {
    const cls = classes.get(entry.type);
    const draft = cls && makeDraft(entry, cls, targets(entries, there), issues, literals);
    if (draft) drafts.set(place, { entry, draft });
  }
  const order = await inOrder(store, drafts, there, issues);
  if (issues.length > 0) throw refused(issues);
  const steps: Step[] = [];
  for (const draft of order) steps.push(await compare(store, draft, there.get(placeOf(draft)) ?? null));
  return { steps, literals };
}

/** All that is wrong, in order of file and line. */
function refused(issues: readonly Issue[]): Error {
  const sorted = issues.toSorted((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
  return invalid(`Nothing was changed, since ${issues.length === 1 ? "something does" : `${issues.length} things do`} not fit`, sorted);
}

function withoutDoubles(entries: readonly Entry[], issues: Issue[]): Map<string, Entry> {
  const byPlace = new Map<string, Entry>();
  for (const entry of entries) {
    const first = byPlace.get(placeOf(entry));
    if (first) issues.push({ path: entry.place(""), message: `is declared twice, first at ${first.place("").replace(/: .*$/s, "")}` });
    else byPlace.set(placeOf(entry), entry);
  }
  return byPlace;
}

/** A class for each type, of its newest schema. */
async function classesOf(store: Store, entries: ReadonlyMap<string, Entry>, issues: Issue[]): Promise<Map<string, AnyBlockClass>> {
  const types = await store.types();
  const classes = new Map<string, AnyBlockClass>();
  for (const slug of new Set([...entries.values()].map((entry) => entry.type))) {
    const schema = types.some((type) => type.slug === slug) ? await store.schema({ type: slug }) : null;
    if (schema) classes.set(slug, classFromSchema(schema));
    else {
      const { message } = unknownType(slug, types, store);
      for (const entry of entries.values()) if (entry.type === slug) issues.push({ path: entry.place(""), message });
    }
  }
  return classes;
}

/** What is in the store of the declared documents and of those that they refer to; needs no key. */
async function lookUp(store: Store, entries: ReadonlyMap<string, Entry>): Promise<Map<string, MaskedDocument>> {
  const there = new Map<string, MaskedDocument>();
  for (const place of new Set([...entries].flatMap(([own, { data }]) => [own, ...referencesIn(data)]))) {
    try {
      there.set(place, await store.inspect(splitReference(place)));
    } catch (error) {
      if (!isAshlarError(error, "ERR_NOT_FOUND") && !isAshlarError(error, "ERR_INVALID")) throw error;
    }
  }
  return there;
}

function targets(entries: ReadonlyMap<string, Entry>, there: ReadonlyMap<string, MaskedDocument>): (reference: string) => Target | string {
  return (reference) => {
    const found = there.get(reference);
    if (found) return found;
    const entry = entries.get(reference);
    if (entry) return { id: futureId(reference), type: entry.type, name: entry.name, revision: null };
    const near = nearest(reference, [...entries.keys(), ...there.keys()]);
    const where = entries.size === 1 ? " in the store" : ", neither in the store nor in these files";
    return `there is no document ${reference}${where}${near === undefined ? "" : `; did you mean ${near}?`}`;
  };
}

function makeDraft(
  entry: Entry,
  cls: AnyBlockClass,
  target: (reference: string) => Target | string,
  issues: Issue[],
  inClear: string[],
): Draft | undefined {
  const found: Issue[] = [];
  const literals = new Set<string>();
  const input = fillFields(cls, entry.data, { entry, target, issues: found, literals });
  const parsed = cls[DEFINITION].parse(byName(cls[DEFINITION], input));
  const reported = new Set(found.map((issue) => issue.path));
  if ("issues" in parsed) found.push(...parsed.issues.filter((issue) => !reported.has(issue.path)));
  let draft: Draft | undefined;
  if ("values" in parsed && found.length === 0) draft = draftOf(new cls(new CheckedValues(parsed.values)), entry, found);
  issues.push(...found.map(({ path, message }) => ({ path: entry.place(path), message })));
  inClear.push(...[...literals].map((path) => entry.place(path)));
  return draft;
}

function draftOf(block: AnyBlock, entry: Entry, issues: Issue[]): Draft | undefined {
  try {
    const draft = toDraft(block, entry.name);
    checkDraft(draft);
    return draft;
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    issues.push(...(error.details.issues ?? [{ path: "", message: error.message }]));
    return undefined;
  }
}

/** The drafts, each after those it refers to. Looks through the store too, where the way round may lead. */
async function inOrder(
  store: Store,
  drafts: ReadonlyMap<string, { entry: Entry; draft: Draft }>,
  there: ReadonlyMap<string, MaskedDocument>,
  issues: Issue[],
): Promise<Draft[]> {
  const order: Draft[] = [];
  const depths = new Map<string, number>();
  const visit = async (place: string, path: readonly string[]): Promise<number> => {
    const known = depths.get(place);
    if (known !== undefined) return known;
    const own = drafts.get(place);
    const way = [...path, place];
    if (path.includes(place)) {
      const first = drafts.get(path.find((each) => drafts.has(each)) ?? place);
      issues.push({
        path: first?.entry.place("") ?? place,
        message: `would refer to itself: ${way.slice(path.indexOf(place)).join(" → ")}`,
      });
      return 0;
    }
    const references = own?.draft.references ?? (there.get(place) ?? (await inspect(store, place)))?.references ?? {};
    let depth = 0;
    for (const child of new Set(Object.values(references).map(placeOf))) depth = Math.max(depth, 1 + (await visit(child, way)));
    depths.set(place, depth);
    if (own) order.push(own.draft);
    if (own && depth > MAX_REFERENCE_DEPTH)
      issues.push({ path: own.entry.place(""), message: `would refer to documents more than ${MAX_REFERENCE_DEPTH} deep` });
    return depth;
  };
  for (const place of drafts.keys()) await visit(place, []);
  return order;
}

async function inspect(store: Store, place: string): Promise<MaskedDocument | undefined> {
  try {
    return await store.inspect(splitReference(place));
  } catch (error) {
    if (isAshlarError(error, "ERR_NOT_FOUND")) return undefined;
    throw error;
  }
}

async function compare(store: Store, draft: Draft, existing: MaskedDocument | null): Promise<Step> {
  const [before = null] = existing ? await store.load({ id: existing.id }) : [];
  const changes = changesBetween(before, draft);
  if (before && before.schema !== draft.schema)
    changes.push({ path: "schema", kind: "schema", change: "changed", before: before.schema, after: draft.schema });
  const action = before === null ? "create" : changes.every(({ change }) => change === "same") ? "unchanged" : "change";
  return { draft, before, action, changes };
}
