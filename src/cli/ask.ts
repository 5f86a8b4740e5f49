/**
 * Questions on a terminal. Touches `@clack/prompts`, imported with the first question. They are asked on standard error, so that results can be
 * piped; where standard input or error is no terminal nothing asks.
 * @module
 */
import { stopped, usageError } from "./failure.ts";
import { lines, plain } from "./output.ts";

/** What is wrong with an answer, in a sentence; undefined when it fits. Not asynchronous: a key pressed meanwhile would end the question in an error. */
export type Check = (answer: string) => string | undefined;

/** Whether there is a terminal to ask on. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

const output = process.stderr;
// A terminal that tells no size, as in some containers, would get one letter a line.
if (output.columns === 0) Object.assign(output, { columns: 80, rows: 24 });

/** The library, which knows Ctrl+C and Escape already; at Ctrl+D it would wait for more, and the process would just end. */
async function prompts() {
  const library = await import("@clack/prompts");
  library.updateSettings({ aliases: { "\u0004": "cancel" } });
  return library;
}

/** A line of text, asked again until it fits. `preset` is shown, and taken on Enter. */
export async function askText(message: string, check: Check, { preset, hint }: { preset?: string; hint?: string } = {}): Promise<string> {
  const { text } = await prompts();
  const placeholder = plain(preset ?? hint ?? "");
  const validate = checked((answer) => check(answer === "" ? (preset ?? "") : answer));
  return answered(text({ message: plain(message), placeholder, defaultValue: preset ?? "", validate, output }));
}

/** A line of text that is not seen while it is typed, nor how long it is. */
export async function askHidden(message: string, check: Check): Promise<string> {
  const { password } = await prompts();
  return (await answered(password({ message: plain(message), mask: "", clearOnError: true, validate: checked(check), output }))) ?? "";
}

/** One of some choices. */
export async function choose<T>(message: string, choices: readonly { label: string; value: T }[], initial = 0): Promise<T> {
  const { select } = await prompts();
  const options = choices.map(({ label }, value) => ({ value, label: plain(label) }));
  const chosen = await answered(select<number>({ message: plain(message), options, initialValue: initial, output }));
  return (choices[chosen] as { value: T }).value;
}

/** Any number of some choices, in their order. */
export async function chooseSome<T>(
  message: string,
  choices: readonly { label: string; value: T }[],
  options: { required: boolean },
): Promise<T[]> {
  const { multiselect } = await prompts();
  const shown = choices.map(({ label }, value) => ({ value, label: plain(label) }));
  const chosen = await answered(multiselect<number>({ message: plain(message), options: shown, required: options.required, output }));
  return choices.filter((_, index) => chosen.includes(index)).map(({ value }) => value);
}

/** Asks before something is deleted; `--yes` stands for the answer. @throws an error where it is not agreed to, or nobody can be asked */
export async function agreeToDelete(what: string): Promise<void> {
  await agree("delete", what, "Nothing was deleted.");
}

/** Asks before something is done; `--yes` stands for the answer. @throws an error as {@link agreeToDelete} does */
export async function agree(verb: string, what: string, refused: string): Promise<void> {
  if (!canAsk()) throw usageError(`This would ${verb} ${what}. Without a terminal to ask on, say --yes.`);
  const { confirm } = await prompts();
  const message = `${verb.charAt(0).toUpperCase()}${verb.slice(1)} ${plain(what)}?`;
  if (!(await answered(confirm({ message, initialValue: false, output })))) throw stopped(refused);
}

function checked(check: Check): (answer: string | undefined) => string | undefined {
  return (answer) => {
    const fault = check(answer ?? "");
    return fault === undefined ? undefined : lines(fault);
  };
}

async function answered<T>(question: Promise<T>): Promise<Exclude<T, symbol>> {
  const answer = await question;
  if (typeof answer === "symbol") throw stopped("Stopped. Nothing was changed.");
  return answer as Exclude<T, symbol>;
}
