/**
 * The steps of a plan, written and shown. Writes documents of a store, each only if it is still what the plan saw.
 * @module
 */
import { AshlarError, isAshlarError } from "../errors.ts";
import type { Reference, Store } from "../stores/store.ts";
import type { Change } from "./leaves.ts";
import { placeOf } from "./lookup.ts";
import { jsonText, paint, pairs, plain } from "./output.ts";
import { futureId, type Step } from "./plan.ts";

const MAX_SHOWN = 120;
const SIGNS = { create: ["green", "+"], change: ["yellow", "~"], unchanged: ["dim", "="] } as const;

/** Writes what is not unchanged, in order. @returns the revision of each document that was written */
export async function writeSteps(store: Store, steps: readonly Step[]): Promise<Map<Step, number | null>> {
  const ids = new Map<string, string>();
  const revisions = new Map<Step, number | null>();
  for (const step of steps) {
    if (step.action === "unchanged") continue;
    const { draft, before } = step;
    const references = Object.fromEntries(
      Object.entries(draft.references).map(([at, reference]): [string, Reference] => [
        at,
        { ...reference, id: ids.get(reference.id) ?? reference.id },
      ]),
    );
    const condition = before === null ? {} : before.revision === null ? { overwrite: true } : { ifRevision: before.revision };
    try {
      const saved = await store.save({ ...draft, references }, condition);
      ids.set(futureId(placeOf(draft)), saved.id);
      revisions.set(step, saved.revision);
    } catch (error) {
      throw isAshlarError(error) && revisions.size > 0 ? interrupted(error, [...revisions.keys()]) : error;
    }
  }
  return revisions;
}

function interrupted(error: AshlarError, written: readonly Step[]): AshlarError {
  const documents = written.map(({ draft }) => placeOf(draft));
  return new AshlarError(error.code, `${error.message} Written before that: ${documents.join(", ")}. Apply again to do the rest.`, {
    ...error.details,
    documents,
  });
}

/** A step for programs: `{"type","name","action","revision","changes"}`, as apply.ts states it. */
export function stepResult(step: Step, revisions: ReadonlyMap<Step, number | null>): object {
  const { draft, action, before, changes } = step;
  const revision = revisions.get(step) ?? before?.revision ?? null;
  return { type: draft.type, name: draft.name, action, revision, changes: action === "unchanged" ? [] : changes };
}

/** A step for people: the document, and what of it changes. */
export function stepText({ draft, action, changes }: Step): string[] {
  const [style, sign] = SIGNS[action];
  const head = paint(style, `${sign} ${plain(placeOf(draft))}`);
  if (action === "unchanged") return [head];
  return [head, ...changeRows(changes)];
}

/** Changes for people, a line each. */
export function changeRows(changes: readonly Change[]): string[] {
  return pairs(
    changes.map((change): [string, string] => [change.path, changeText(change)]),
    "    ",
  );
}

function changeText({ kind, change, before, after }: Change): string {
  if (kind === "secret") return paint("dim", `secret, ${change}`);
  const text = (value: Change["before"]) => (kind === "value" ? cut(jsonText(value)) : plain(String(value)));
  if (change === "removed") return `${before === undefined ? "secret" : text(before)}, removed`;
  if (before === undefined) return kind === "reference" ? `→ ${text(after)}` : text(after);
  return `${text(before)} → ${text(after)}`;
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
