/**
 * `ashlar copy`: documents from one store to another, with all that they refer to, their types and schemas. Touches copy.ts.
 *
 * JSON: `{"from","to","dryRun","documents":[{"type","name","action","error"?}],"interrupted"}`; `action` is `create`, `overwrite`, `unchanged`, `skip`
 * or `failed`, `error` `{"code","message"}`.
 * @module
 */
import { setImmediate } from "node:timers/promises";
import { type Copied, copyDocuments } from "../copy.ts";
import { openStore } from "../current-store.ts";
import { AshlarError } from "../errors.ts";
import { splitReference } from "../slug.ts";
import type { Store } from "../stores/store.ts";
import { EXIT, usageError } from "./failure.ts";
import { placeOf } from "./lookup.ts";
import { paint, plain, print } from "./output.ts";
import { progress } from "./progress.ts";
import type { Session } from "./session.ts";

interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly dryRun?: boolean;
  readonly overwrite?: boolean;
  readonly skip?: boolean;
  readonly inline?: boolean;
}

/** Copies, and says one line for each document that is not the same on both sides. */
export async function copy(session: Session, given: readonly string[], options: Options): Promise<void> {
  const { from = session.url, to, dryRun = false, overwrite = false, skip = false, inline = false } = options;
  if (to === undefined) throw usageError('The store to copy to is to be named: "ashlar copy --from URL --to URL".');
  if (overwrite && skip) throw usageError("--overwrite and --skip say opposite things.");
  const keys = given.map(splitReference);
  const source = from === session.url ? await session.store() : await openStore(from);
  try {
    const target = await openStore(to);
    try {
      if (source.url === target.url) throw new AshlarError("ERR_INVALID", `${source.url} is both: a store is not copied into itself.`);
      await run(session, source, target, keys, { dryRun, inline, existing: overwrite ? "overwrite" : skip ? "skip" : undefined });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function run(
  session: Session,
  from: Store,
  to: Store,
  keys: readonly { type: string; name: string }[],
  options: NonNullable<Parameters<typeof copyDocuments>[3]>,
): Promise<void> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt); // a second one ends the process at once
  const total = keys.length || (await from.names()).length + (await from.names({ anonymous: true })).length;
  const show = progress("Copying");
  const documents: Copied[] = [];
  try {
    for await (const each of copyDocuments(from, to, keys, options)) {
      documents.push(each);
      show.at(documents.length, Math.max(total, documents.length));
      await setImmediate(); // stores of this machine answer at once: without a pause no signal would ever arrive
      if (stop.signal.aborted) break;
    }
  } finally {
    show.end();
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
  const { dryRun = false } = options;
  const interrupted = stop.signal.aborted;
  const told = documents.map(({ error, ...each }) => ({ ...each, ...(error && { error: { code: error.code, message: error.message } }) }));
  print(session, { from: from.url, to: to.url, dryRun, documents: told, interrupted }, () => report(documents, dryRun, interrupted));
  if (interrupted) process.exitCode = EXIT.interrupted;
  else if (documents.some(({ action }) => action === "failed")) process.exitCode = EXIT.damaged;
  else if (dryRun && documents.some(({ action }) => action === "create" || action === "overwrite")) process.exitCode = EXIT.wouldChange;
}

const SIGNS = { create: ["green", "+"], overwrite: ["yellow", "~"], skip: ["dim", "-"], failed: ["red", "failed "] } as const;

function report(documents: readonly Copied[], dryRun: boolean, interrupted: boolean): string[] {
  const count = (action: Copied["action"]) => documents.filter((each) => each.action === action).length;
  const lines = documents.flatMap((each) => {
    if (each.action === "unchanged") return [];
    const [style, sign] = SIGNS[each.action];
    return [`${paint(style, `${sign} ${plain(placeOf(each))}`)}${each.error ? `: ${plain(each.error.message)}` : ""}`];
  });
  const counts = `${count("create")} created, ${count("overwrite")} replaced, ${count("unchanged")} the same on both sides, ${count("skip")} left as they were`;
  const failed = count("failed") > 0 ? `, ${count("failed")} failed` : "";
  return [
    ...lines,
    dryRun ? `A dry run, nothing was written: ${counts}${failed}.` : `${counts}${failed}.`,
    ...(interrupted ? ["Interrupted. The same command goes on with the rest."] : []),
  ];
}
