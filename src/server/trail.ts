/**
 * What routes write to the audit log. Touches the log's contract.
 *
 * Nothing is revealed before its line is written, and no change is confirmed before its line is on disk. When it cannot be, the answer is an error that
 * clients do not repeat.
 * @module
 */
import { isAshlarError } from "../errors.ts";
import type { AuditEntry } from "./audit-entry.ts";
import type { Context } from "./context.ts";
import { type Call, Refusal } from "./exchange.ts";

/** An entry without what every entry of a call says. */
export type Entry = Omit<AuditEntry, "who" | "from" | "request" | "outcome">;

/** Writes what was revealed. @throws Refusal when it cannot be written */
export async function record(context: Context, call: Call, entry: Entry, outcome = "done"): Promise<void> {
  await written(context.audit.record({ who: call.principal.name, from: call.from, request: call.id, ...entry, outcome }));
}

/**
 * Makes a change and writes down that it was made, or which error it met.
 * @param work gives what the entry says of it besides.
 */
export async function recorded<T extends object>(
  context: Context,
  call: Call,
  entry: Entry,
  work: () => Promise<T & { readonly entry?: Partial<Entry> }>,
): Promise<T> {
  await written(context.audit.ready());
  let result: T & { readonly entry?: Partial<Entry> };
  try {
    result = await work();
  } catch (error) {
    if (isAshlarError(error)) await record(context, call, entry, error.code);
    throw error;
  }
  await record(context, call, { ...entry, ...result.entry });
  await written(context.audit.synced());
  return result;
}

async function written(writing: Promise<void>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    const exception_message = "The audit log cannot be written: nothing is revealed, and no change is confirmed.";
    throw new Refusal({ status: 500, body: JSON.stringify({ exception_message }) }, `${error.code}: ${error.message}`);
  }
}
