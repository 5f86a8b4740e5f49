/**
 * Asking before something is lost. Touches the terminal; without one, nothing is asked and nothing is done.
 * @module
 */
import { createInterface } from "node:readline/promises";
import { usageError } from "./failure.ts";
import { lines } from "./output.ts";

/**
 * Asks a question that is answered by yes or no.
 * @param text `otherwise` is what would have happened, said where nobody can be asked.
 * @throws CommanderError when the answer is not yes, or without a terminal.
 */
export async function confirm(text: { readonly question: string; readonly otherwise: string }): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw usageError(`${text.otherwise}. Without a terminal to ask on, say --yes.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${lines(text.question)} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw usageError("Nothing was changed.");
  } finally {
    terminal.close();
  }
}
