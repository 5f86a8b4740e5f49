/**
 * What a helper of a block is refused with, searched for planted secrets in every form an error has.
 * @module
 */
import { inspect } from "node:util";
import { type AshlarError, isAshlarError } from "ashlar";
import { expect } from "vitest";

/** What is shown of a thrown value by whoever logs it; an SDK's error keeps its request out of that, but does keep it. */
export function logged(thrown: unknown): string {
  const { stack, message, cause } = thrown as Error;
  return `${stack}${message}${inspect(thrown, { depth: 20 })}${inspect(cause, { depth: 20 })}${JSON.stringify(thrown)}`;
}

/** Waits for the refusal of a call. Fails when there is none, or when it is no error of ours, or shows one of the secrets. */
export async function refusalOf(call: () => unknown, secrets: readonly string[]): Promise<AshlarError> {
  const thrown: unknown = await Promise.try(call).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(isAshlarError(thrown), inspect(thrown)).toBe(true);
  const all = logged(thrown) + inspect(thrown, { depth: 20, showHidden: true, customInspect: false });
  for (const secret of secrets) expect(all).not.toContain(secret);
  return thrown as AshlarError;
}
