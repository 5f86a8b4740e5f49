/**
 * `ashlar set`: single fields of a document changed, and the rest left as it is. Secrets come from the environment, standard input or a terminal.
 *
 * Written only if the document is still what was read. JSON: `{"document":{"type","name","action","revision","changes":[…]}}`, as apply.ts has them.
 * @module
 */
import { type AnyBlockClass, DEFINITION } from "../definition.ts";
import { nearest } from "../errors.ts";
import { pathText } from "../issues.ts";
import { Secret } from "../secret.ts";
import { splitReference } from "../slug.ts";
import { conflict } from "../stores/record.ts";
import type { Document } from "../stores/store.ts";
import { blockInner } from "../zod-def.ts";
import { askHidden, canAsk } from "./ask.ts";
import { pairOf } from "./create.ts";
import { declaredForm } from "./declared.ts";
import { usageError } from "./failure.ts";
import { findClass, findDocument, placeOf } from "./lookup.ts";
import { readInput } from "./manifest.ts";
import { print } from "./output.ts";
import { type Path, pathParts, put, takeAway, valueAt } from "./paths.ts";
import { planEntries } from "./plan.ts";
import type { Session } from "./session.ts";
import { stepResult, stepText, writeSteps } from "./steps.ts";
import { kindsAt, readValue } from "./values.ts";

interface Options {
  readonly secretEnv?: readonly string[];
  readonly secretStdin?: string;
  readonly secret?: readonly string[];
  readonly unset?: readonly string[];
  readonly ifRevision?: string;
}

/** A field, and where its new value comes from. */
interface Change {
  readonly field: string;
  readonly secret: boolean;
  readonly value: () => Promise<unknown>;
}

/** Reads, changes, checks all of it, writes. */
export async function setFields(session: Session, [reference = "", ...assignments]: readonly string[], options: Options): Promise<void> {
  const key = splitReference(reference);
  const changes = changesOf(assignments, options);
  const expected = revisionOf(options.ifRevision);
  const store = await session.store();
  const masked = await findDocument(store, key);
  if (expected !== undefined && masked.revision !== expected) throw conflict(key, expected, masked.revision);
  const { cls } = await findClass(store, key.type);
  const [document] = (await store.load({ id: masked.id })) as [Document];
  const data = declaredForm(document, (at) => document.secrets[at]);
  for (const change of changes) await changeOne(cls, placeOf(key), data, change);
  for (const field of options.unset ?? []) unset(cls, placeOf(key), data, field);
  const place = (path: string) => `${placeOf(key)}${path === "" ? "" : `: ${knownPart(cls, data, path)}`}`;
  const plan = await planEntries(store, [{ ...key, file: "-", data, place }]);
  const [step] = plan.steps;
  if (!step) throw new TypeError("A plan of one document has one step.");
  const [literal] = plan.literals;
  if (literal !== undefined) throw inArguments(literal);
  const read = document.revision;
  if (read !== null && step.before?.revision !== read) throw conflict(key, read, step.before?.revision ?? null);
  if (expected !== undefined && read !== expected) throw conflict(key, expected, read);
  const revisions = await writeSteps(store, plan.steps);
  print(session, { document: stepResult(step, revisions) }, () => stepText(step));
}

function changesOf(assignments: readonly string[], options: Options): Change[] {
  const changes: Change[] = assignments.map((given) => {
    const [field, text] = pairOf(given, "FIELD=VALUE");
    return { field, secret: false, value: async () => text };
  });
  for (const given of options.secretEnv ?? []) {
    const [field, variable] = pairOf(given, "--secret-env FIELD=VARIABLE");
    changes.push({ field, secret: true, value: async () => ({ env: variable }) });
  }
  for (const field of options.secret ?? []) {
    if (!canAsk())
      throw usageError("There is no terminal to ask for a secret on: use --secret-env FIELD=VARIABLE or --secret-stdin FIELD.");
    changes.push({
      field: nameOnly(field, "--secret"),
      secret: true,
      value: () => askHidden(field, (answer) => (answer === "" ? "is missing" : undefined)),
    });
  }
  const { secretStdin } = options;
  if (secretStdin !== undefined) {
    const field = nameOnly(secretStdin, "--secret-stdin");
    changes.push({ field, secret: true, value: async () => (await readInput()).replace(/\r?\n$/, "") });
  }
  for (const field of options.unset ?? []) nameOnly(field, "--unset");
  if (changes.length === 0 && (options.unset ?? []).length === 0)
    throw usageError("Nothing to set: give FIELD=VALUE, --unset FIELD, or a secret by --secret-env FIELD=VARIABLE.");
  return changes;
}

async function changeOne(cls: AnyBlockClass, here: string, data: Record<string, unknown>, { field, secret, value }: Change): Promise<void> {
  const way = wayTo(cls, here, data, field);
  const { kinds, inSecret } = kindsAt(cls, way, data);
  if (inSecret && !secret) throw inArguments(`${here}: ${field}`);
  if (!inSecret && secret && kinds.length > 0) throw usageError(`${here}: ${field} is no secret: give it as ${field}=VALUE.`);
  const given = await value();
  if (typeof given !== "string") return put(data, way, given);
  if (secret) {
    if (given === "") throw usageError(`The secret for ${field} is empty; --unset ${field} takes one away.`);
    return put(data, way, new Secret(readValue(given, kinds)));
  }
  const target = /^ref:(.*)$/s.exec(given)?.[1];
  const refers = target !== undefined && kinds.some((kind) => blockInner(kind));
  put(data, way, refers ? { ref: target } : readValue(given, kinds));
}

function unset(cls: AnyBlockClass, here: string, data: Record<string, unknown>, field: string): void {
  const way = wayTo(cls, here, data, field);
  if (valueAt(data, way) === undefined && kindsAt(cls, way, data).kinds.length === 0) {
    const near = nearest(field, [...cls[DEFINITION].byKey.keys()]);
    throw usageError(`${here} has no field ${field}${near === undefined ? "." : `; did you mean ${near}?`}`);
  }
  takeAway(data, way);
}

/** The way to a field. @throws a usage error where it leads out of the document, into a secret, or nowhere in a list */
function wayTo(cls: AnyBlockClass, here: string, data: unknown, field: string): Path {
  const way = pathParts(field);
  if (way.length === 0) throw usageError(`${here}: ${JSON.stringify(field)} is no path of a field, such as account.user or tags[0].`);
  for (let depth = 1; depth < way.length; depth++) {
    const [above, { kinds, inSecret }] = [way.slice(0, depth), kindsAt(cls, way.slice(0, depth), data)];
    const target = kinds.some((kind) => blockInner(kind)) ? valueAt(data, [...above, "ref"]) : undefined;
    if (typeof target === "string")
      throw usageError(`${here}: ${above.join(".")} refers to ${target}: "ashlar set ${target} …" changes it there.`);
    if (inSecret) throw usageError(`${here}: ${above.join(".")} is secret as a whole, and is given as a whole.`);
    const list = valueAt(data, above);
    if (Array.isArray(list) && !(/^\d+$/.test(String(way[depth])) && Number(way[depth]) <= list.length))
      throw usageError(`${here}: ${pathText(above)} is a list of ${list.length}: ${pathText(above)}[${list.length}] adds one.`);
  }
  return way;
}

/** A path up to where the class knows it: below, a misread value may have made a key of what was meant to be secret. */
function knownPart(cls: AnyBlockClass, data: unknown, path: string): string {
  const way = pathParts(path);
  let known = 1;
  while (known < way.length && kindsAt(cls, way.slice(0, known + 1), data).kinds.length > 0) known++;
  return pathText(way.slice(0, known));
}

function inArguments(place: string): Error {
  return usageError(
    `${place} is secret, and arguments can be read by others on this machine. Use --secret-env FIELD=VARIABLE, --secret-stdin FIELD, or --secret FIELD on a terminal; and change the secret if it was a real one.`,
  );
}

/** Refuses `FIELD=VALUE` where only a field's name belongs, without showing the value. */
function nameOnly(given: string, option: string): string {
  if (given.includes("=")) throw usageError(`${option} takes the name of a field and no value.`);
  return given;
}

function revisionOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw usageError("--if-revision takes a revision, such as 3.");
  return Number(text);
}
