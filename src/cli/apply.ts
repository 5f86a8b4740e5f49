/**
 * `ashlar apply`: brings the store to what files declare, and shows first what that changes. Touches plan.ts, steps.ts and prune.ts.
 *
 * JSON: `{"dryRun","documents":[{"type","name","action","revision","changes":[{"path","kind","change","before","after"}]}],"undeclared":[{"type",
 * "name","action"}],"notes":[…]}`; `action` is `create`, `change` or `unchanged`, of what is undeclared `keep` or `remove`; `revision` the one
 * there afterwards, null when there is none; `kind` is `value`, `reference`, `secret` or `schema`; `change` is `new`, `changed`, `removed` or
 * `same`; `before` and `after` are left out for secrets.
 * @module
 */
import { agreeToDelete } from "./ask.ts";
import { EXIT } from "./failure.ts";
import { placeOf } from "./lookup.ts";
import { paint, plain, print } from "./output.ts";
import { makePlan, type Plan, type Step } from "./plan.ts";
import { checkRemoval, removeAll, undeclared } from "./prune.ts";
import type { Session } from "./session.ts";
import { stepResult, stepText, writeSteps } from "./steps.ts";

const NAMED = 5;

/** Plans, shows, writes; with `prune` also removes what no file declares. */
export async function apply(
  session: Session,
  files: readonly string[],
  options: { dryRun?: boolean; prune?: boolean; type?: readonly string[]; yes?: boolean },
): Promise<void> {
  const { dryRun = false, prune = false } = options;
  const store = await session.store();
  const plan = await makePlan(store, files);
  const extra = await undeclared(store, plan.steps, options.type);
  if (prune) await checkRemoval(store, plan.steps, extra);
  const notes = notesOf(plan);
  if (!session.json) {
    print(session, {}, () => [
      ...plan.steps.flatMap(stepText),
      ...(prune ? extra.map((each) => paint("red", `- ${plain(placeOf(each))}`)) : []),
    ]);
    const more =
      prune || extra.length === 0
        ? []
        : [`${named(extra.map(placeOf))} in the store and in none of the files; --prune removes what is in none.`];
    for (const note of [...notes, ...more]) process.stderr.write(`${paint("yellow", "note:", process.stderr)} ${plain(note)}\n`);
  }
  if (prune && !dryRun && extra.length > 0 && options.yes !== true)
    await agreeToDelete(`what none of the files declares: ${extra.map(placeOf).join(", ")}`);
  const revisions = dryRun ? new Map<Step, number | null>() : await writeSteps(store, plan.steps);
  if (prune && !dryRun) await removeAll(store, extra);
  const documents = plan.steps.map((step) => stepResult(step, revisions));
  const undeclaredResult = extra.map(({ type, name }) => ({ type, name, action: prune ? "remove" : "keep" }));
  const removed = prune ? extra.length : 0;
  print(session, { dryRun, documents, undeclared: undeclaredResult, notes }, () => [summary(plan, removed, dryRun)]);
  if (dryRun && (removed > 0 || plan.steps.some(({ action }) => action !== "unchanged"))) process.exitCode = EXIT.wouldChange;
}

function notesOf({ literals }: Plan): string[] {
  return literals.map((place) => `${place} stands in clear in the file; { env: NAME } or { file: PATH } keeps a secret out of it.`);
}

function named(places: readonly string[]): string {
  const more = places.length - NAMED;
  return `${places.slice(0, NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""} ${places.length === 1 ? "is" : "are"}`;
}

function summary({ steps }: Plan, removed: number, dryRun: boolean): string {
  const count = (action: Step["action"]) => steps.filter((step) => step.action === action).length;
  const [created, changed, same] = [count("create"), count("change"), count("unchanged")];
  return dryRun
    ? `A dry run, nothing was written: ${created} to create, ${changed} to change, ${same} unchanged${removed > 0 ? `, ${removed} to remove` : ""}.`
    : `${created} created, ${changed} changed, ${same} unchanged${removed > 0 ? `, ${removed} removed` : ""}.`;
}
