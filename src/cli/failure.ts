/**
 * How the command line fails: exit codes, and errors in words or as JSON. Touches commander's error and output.ts.
 * @module
 */
import { CommanderError } from "commander";
import { type ErrorCode, isAshlarError } from "../errors.ts";
import { jsonText, lines, paint } from "./output.ts";

/** Exit codes of commands that did their work and have something to tell. */
export const EXIT = { wouldChange: 2, unwell: 3, damaged: 74, unproven: 77, interrupted: 130 } as const;

/** Every exit code and what it means; close to BSD's sysexits. */
export const EXIT_CODES: Readonly<Record<number, string>> = {
  0: "done",
  1: "an error nobody foresaw, or Node is too old",
  2: "a dry run that would change something",
  3: "doctor found something that is wrong",
  64: "the command is used in a wrong way",
  65: "what was given does not fit: values, names, files, or what is stored",
  66: "there is no such document, type, file or module",
  69: "there is no store, or it or the output cannot be used now",
  73: "what is there stands in the way: it exists, was changed meanwhile, or is referred to",
  74: "a record, the store or an audit log is damaged, or was changed from outside",
  75: "a write was sent and its answer was lost: look whether it happened, then repeat it",
  77: "access is denied, or the key is missing or wrong",
  78: "a block class or its module cannot be used",
  130: "interrupted, or not agreed to; what was done stays done, and the same command goes on",
};

const BY_CODE: Readonly<Record<ErrorCode, number>> = {
  ERR_DEFINITION: 78,
  ERR_INVALID: 65,
  ERR_SCHEMA: 65,
  ERR_LIMIT: 65,
  ERR_CYCLE: 65,
  ERR_CHANGED_CHILD: 65,
  ERR_NOT_FOUND: 66,
  ERR_UNKNOWN_TYPE: 66,
  ERR_BROKEN_REFERENCE: 66,
  ERR_REFERENCED: 73,
  ERR_PROTECTED: 73,
  ERR_EXISTS: 73,
  ERR_CONFLICT: 73,
  ERR_OUTCOME_UNKNOWN: 75,
  ERR_NO_STORE: 69,
  ERR_UNREACHABLE: 69,
  ERR_UNSUPPORTED: 69,
  ERR_MISSING_PACKAGE: 69,
  ERR_CANNOT_OPEN: 74,
  ERR_EDITED: 74,
  ERR_DENIED: 77,
  ERR_NO_KEY: 77,
  ERR_WRONG_KEY: 77,
  ERR_UNKNOWN_KEY: 77,
};
const USAGE = 64;

/** An error of the arguments, commander's or ours. */
export function usageError(message: string): CommanderError {
  return new CommanderError(USAGE, "ashlar.usage", message);
}

/** The error for a question that was answered with no, or not at all. */
export function stopped(message: string): CommanderError {
  return new CommanderError(EXIT.interrupted, "ashlar.stopped", message);
}

/** Whether the arguments were wrong, or a question was not agreed to; also how commander says that it has shown its help. */
export function isUsageError(error: unknown): error is CommanderError {
  return error instanceof CommanderError;
}

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (isUsageError(error)) return isStop(error) ? EXIT.interrupted : USAGE;
  return isAshlarError(error) ? (BY_CODE[error.code] ?? 1) : 1;
}

/** How a failure is told. */
export interface Telling {
  readonly json: boolean;
  /** Whether the stack is shown, with those of the causes. */
  readonly stack: boolean;
  /** The command that was meant, such as `ashlar key add`, for the way to its help. */
  readonly command: string;
}

/** Says on standard error what went wrong. @returns the exit code */
export function printFailure(error: unknown, { json, stack, command }: Telling): number {
  const code = exitCodeOf(error);
  if (isHelp(error) && !json) return code; // the help itself was the answer
  const { message, ...about } = describe(error, command);
  const trace = stack ? stackOf(error) : undefined;
  process.stderr.write(
    json
      ? `${jsonText({ error: { code: about.code, message, ...about.details, ...(trace !== undefined && { stack: trace }) } })}\n`
      : `${paint("red", "error:", process.stderr)} ${lines(message)}\n${trace === undefined ? "" : `${lines(trace)}\n`}`,
  );
  return code;
}

function describe(error: unknown, command: string): { code: string; message: string; details?: object } {
  if (isAshlarError(error)) return { code: error.code, message: error.message, details: error.details };
  if (isUsageError(error)) return { code: isStop(error) ? "ERR_INTERRUPTED" : "ERR_USAGE", message: usageText(error, command) };
  // The text of an error that nobody foresaw may hold anything, so it is not shown unasked.
  const kind = error instanceof Error ? error.name : typeof error;
  return { code: "ERR_UNEXPECTED", message: `Something went wrong that nobody foresaw (${kind}). Run it again with --stack to see where.` };
}

function isStop(error: CommanderError): boolean {
  return error.code === "ashlar.stopped";
}

function isHelp(error: unknown): boolean {
  return isUsageError(error) && error.code === "commander.help";
}

/** Our own messages say what to do; commander's do where they know a name that is near. */
function usageText(error: CommanderError, command: string): string {
  if (isHelp(error)) return `A command is missing. "${command} --help" lists them.`;
  const text = withoutValues(error.message);
  if (!error.code.startsWith("commander.") || text.includes("Did you mean")) return text;
  return `${text.replace(/\.$/, "")}. "${command} --help" shows how it is used.`;
}

/** The stack of an error and those of its causes. */
function stackOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const cause = error.cause instanceof Error ? stackOf(error.cause) : undefined;
  return cause === undefined ? error.stack : `${error.stack}\ncaused by ${cause}`;
}

/** commander quotes what it was given; someone may have typed a secret there. */
function withoutValues(message: string): string {
  return message
    .replace(/^error: /, "")
    .replace(/^(unknown option '[^'=]*)=[^']*'/, "$1'")
    .replace(/( but got \d+): .*$/s, "$1.");
}
