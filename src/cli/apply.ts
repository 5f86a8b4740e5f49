/**
 * `ashlar apply`: brings the store to what files declare, and shows first what that changes. Touches plan.ts; the only writer of the command line
 * besides `init`, `register` and `delete`.
 *
 * JSON: `{"dryRun","documents":[{"type","name","action","revision","changes":[{"path","kind","change","before","after"}]}],"notes":[…]}`; `action` is
 * `create`, `change` or `unchanged`; `revision` the one there afterwards, null when there is none; `kind` is `value`, `reference`, `secret` or
 * `schema`; `change` is `new`, `changed`, `removed` or `same`; `before` and `after` are left out for secrets.
 * @module
 */
import { AshlarError, isAshlarError } from "../errors.ts";
import type { Reference, Store } from "../stores/store.ts";
import type { Change } from "./leaves.ts";
import { jsonText, paint, pairs, plain, print } from "./output.ts";
import { futureId, makePlan, type Plan, type Step } from "./plan.ts";
import type { Session } from "./session.ts";

const MAX_SHOWN = 120;
const SIGNS = { create: ["green", "+"], change: ["yellow", "~"], unchanged: ["dim", "="] } as const;

/** Plans, shows, writes. */
export async function apply(session: Session, files: readonly string[], options: { dryRun?: boolean }): Promise<void> {
  const dryRun = options.dryRun === true;
  const store = await session.store();
  const plan = await makePlan(store, files);
  if (!session.json) {
    print(session, {}, () => plan.steps.flatMap(stepText));
    for (const note of plan.notes) process.stderr.write(`${paint("yellow", "note:", process.stderr)} ${plain(note)}\n`);
  }
  const revisions = dryRun ? new Map<Step, number | null>() : await write(store, plan);
  const documents = plan.steps.map((step) => ({
    type: step.draft.type,
    name: step.draft.name,
    action: step.action,
    revision: revisions.get(step) ?? step.before?.revision ?? null,
    changes: step.action === "unchanged" ? [] : step.changes,
  }));
  print(session, { dryRun, documents, notes: plan.notes }, () => [summary(plan, dryRun)]);
}

/** Writes in order; each only if it is still what the plan saw. */
async function write(store: Store, { steps }: Plan): Promise<Map<Step, number | null>> {
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
      ids.set(futureId(`${draft.type}/${draft.name}`), saved.id);
      revisions.set(step, saved.revision);
    } catch (error) {
      throw isAshlarError(error) && revisions.size > 0 ? interrupted(error, [...revisions.keys()]) : error;
    }
  }
  return revisions;
}

function interrupted(error: AshlarError, written: readonly Step[]): AshlarError {
  const documents = written.map(({ draft }) => `${draft.type}/${draft.name}`);
  return new AshlarError(error.code, `${error.message} Written before that: ${documents.join(", ")}. Apply again to do the rest.`, {
    ...error.details,
    documents,
  });
}

function stepText({ draft, action, changes }: Step): string[] {
  const [style, sign] = SIGNS[action];
  const head = paint(style, `${sign} ${plain(`${draft.type}/${draft.name}`)}`);
  return action === "unchanged"
    ? [head]
    : [
        head,
        ...pairs(
          changes.map((change) => [change.path, changeText(change)]),
          "    ",
        ),
      ];
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

function summary({ steps }: Plan, dryRun: boolean): string {
  const count = (action: Step["action"]) => steps.filter((step) => step.action === action).length;
  const [created, changed, same] = [count("create"), count("change"), count("unchanged")];
  return dryRun
    ? `A dry run, nothing was written: ${created} to create, ${changed} to change, ${same} unchanged.`
    : `${created} created, ${changed} changed, ${same} unchanged.`;
}
