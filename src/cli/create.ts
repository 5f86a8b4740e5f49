/**
 * `ashlar create`: one new document, asked for field by field on a terminal, elsewhere read as YAML or JSON from a file or standard input.
 *
 * JSON: `{"document":{"type","name","action","revision","changes":[…]}}`, as apply.ts has them.
 * @module
 */
import { AshlarError, type Issue, isAshlarError } from "../errors.ts";
import { splitReference } from "../slug.ts";
import type { MaskedDocument, Store } from "../stores/store.ts";
import { canAsk } from "./ask.ts";
import { usageError } from "./failure.ts";
import { askFields } from "./form.ts";
import { findClass, placeOf } from "./lookup.ts";
import { type Entry, readFields } from "./manifest.ts";
import { print } from "./output.ts";
import { pathParts, put } from "./paths.ts";
import { planEntries } from "./plan.ts";
import type { Session } from "./session.ts";
import { stepResult, stepText, writeSteps } from "./steps.ts";
import { fieldNotes } from "./type.ts";

/** Makes the document; all that is wrong is found before anything is written. */
export async function create(
  session: Session,
  [reference = ""]: readonly string[],
  options: { file?: string; secretEnv?: readonly string[]; overwrite?: boolean },
): Promise<void> {
  const key = splitReference(reference);
  const variables = (options.secretEnv ?? []).map((given) => pairOf(given, "--secret-env FIELD=VARIABLE"));
  const asks = options.file === undefined && canAsk();
  if (options.file === undefined && !asks && process.stdin.isTTY)
    throw usageError("There is no terminal to ask on. Give the fields as YAML or JSON, with --file FILE or on standard input.");
  const store = await session.store();
  const { cls, schema } = await findClass(store, key.type);
  if (options.overwrite !== true && (await existing(store, key))) throw taken(placeOf(key));
  const fromVariables: Record<string, unknown> = {};
  for (const [field, variable] of variables) put(fromVariables, pathParts(field), { env: variable });
  const issues: Issue[] = [];
  const entry = asks
    ? dialogueEntry(key, await askFields(store, cls, fieldNotes(schema.fields), fromVariables))
    : await readFields(options.file ?? "-", key, issues);
  for (const [field, variable] of variables) put(entry.data, pathParts(field), { env: variable });
  const plan = await planEntries(store, issues.length > 0 ? [] : [entry], issues);
  const [step] = plan.steps;
  if (!step) throw new TypeError("A plan of one document has one step.");
  if (step.before && options.overwrite !== true) throw taken(placeOf(key));
  const revisions = await writeSteps(store, plan.steps);
  print(session, { document: stepResult(step, revisions) }, () => stepText(step));
}

/** `FIELD=VALUE` in two. What stands behind the first sign of equality is never shown. */
export function pairOf(given: string, form: string): readonly [string, string] {
  const at = given.indexOf("=");
  if (at < 1) throw usageError(`A change is given as ${form}.`);
  return [given.slice(0, at), given.slice(at + 1)];
}

function dialogueEntry(key: { type: string; name: string }, data: Readonly<Record<string, unknown>>): Entry {
  return { ...key, file: "-", data, place: (path) => `${placeOf(key)}${path === "" ? "" : `: ${path}`}` };
}

async function existing(store: Store, key: { type: string; name: string }): Promise<MaskedDocument | null> {
  try {
    return await store.inspect(key);
  } catch (error) {
    if (isAshlarError(error, "ERR_NOT_FOUND")) return null;
    throw error;
  }
}

function taken(place: string): AshlarError {
  return new AshlarError("ERR_EXISTS", `${place} exists. "ashlar set ${place} FIELD=VALUE" changes it; --overwrite replaces all of it.`, {
    documents: [place],
  });
}
