/**
 * How a conformance suite runs: cases as data, a fresh subject for each, deviations asserted. Touches node:assert only.
 * @module
 */
import assert from "node:assert/strict";
import { AshlarError, type ErrorCode, isAshlarError } from "../errors.ts";

/** What the suites need of a test runner; vitest's and node:test's functions fit. */
export interface Runner {
  describe(name: string, body: () => void): unknown;
  it(name: string, run: () => Promise<void>): unknown;
}

/** Cases that a subject does not fulfil, and why. They are run, and must fail: a deviation that is gone is to be taken off the list. */
export interface Deviation {
  readonly reason: string;
  /** Names of cases, as the suite reports them. */
  readonly cases: readonly string[];
  /** The error with which the subject refuses what they ask for. Default: it does something else than they expect. */
  readonly refusedWith?: ErrorCode | undefined;
  /** They are not even run, since they would harm what the subject stands on. Default false. */
  readonly harmful?: true | undefined;
}

/** What a suite is told of its subject. */
export interface SuiteOptions<T> {
  /** Title of the suite. */
  readonly name: string;
  /** Makes a new, empty subject, unrelated to all before; called once or more for each case. The suite closes it. */
  readonly open: () => T | Promise<T>;
  /** Default: none. */
  readonly deviations?: readonly Deviation[] | undefined;
}

/** One rule of a contract. `another` makes further fresh subjects. */
export interface Case<T> {
  readonly name: string;
  run(subject: T, another: () => Promise<T>): Promise<void>;
}

/** Runs cases by a test runner. @throws TypeError for a deviation that names no case. */
export function runSuite<T extends { close(): Promise<void> }>(runner: Runner, options: SuiteOptions<T>, cases: readonly Case<T>[]): void {
  const { name, open, deviations = [] } = options;
  const deviating = new Map(deviations.flatMap((deviation) => deviation.cases.map((each) => [each, deviation] as const)));
  for (const each of deviating.keys())
    if (!cases.some((known) => known.name === each)) throw new TypeError(`deviations: the suite has no case ${JSON.stringify(each)}.`);
  const run = async (one: Case<T>) => {
    const opened: T[] = [];
    const another = async () => {
      const subject = await open();
      opened.push(subject);
      return subject;
    };
    try {
      await one.run(await another(), another);
    } finally {
      for (const subject of opened) await subject.close();
    }
  };
  runner.describe(name, () => {
    for (const one of cases) {
      const deviation = deviating.get(one.name);
      if (!deviation) runner.it(one.name, () => run(one));
      else if (!deviation.harmful) runner.it(`deviates (${deviation.reason}): ${one.name}`, () => deviates(run(one), deviation));
    }
  });
}

async function deviates(run: Promise<void>, { refusedWith }: Deviation): Promise<void> {
  if (refusedWith === undefined) await assert.rejects(run, assert.AssertionError);
  else await refused(refusedWith, () => run);
}

/** Asserts that something is refused with a code, and gives the error. */
export async function refused(code: ErrorCode | readonly ErrorCode[], action: () => unknown): Promise<AshlarError> {
  const expected = typeof code === "string" ? [code] : code;
  try {
    await action();
  } catch (error) {
    assert(isAshlarError(error), `expected an AshlarError ${expected.join(" or ")}, got another error`);
    assert(expected.includes(error.code), `expected ${expected.join(" or ")}, got ${error.code}`);
    return error;
  }
  assert.fail(`expected to be refused with ${expected.join(" or ")}`);
}

/** How many of some actions succeeded; the others must have been refused with one of the codes. */
export async function successes(actions: readonly Promise<unknown>[], codes: readonly ErrorCode[]): Promise<number> {
  const results = await Promise.allSettled(actions);
  const failures = results.filter((result) => result.status === "rejected");
  for (const { reason } of failures) await refused(codes, () => Promise.reject(reason));
  return results.length - failures.length;
}

/** A subject of which every method fails with a code, except `close`: for proving that a failure is never told as something else. */
export function failing<T extends object>(subject: T, code: ErrorCode): T {
  return new Proxy(subject, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== "function") return member;
      return key === "close" ? member.bind(target) : async () => Promise.reject(new AshlarError(code, "This fails on purpose."));
    },
  });
}

/** Texts that are easily lost on the way: other scripts, control characters, a lone surrogate, and keys that JavaScript gives a meaning. */
export const ODD_TEXTS: Readonly<Record<string, string>> = {
  empty: "",
  blank: "  \n",
  quotes: `'"\`\\;--`,
  scripts: "Übergrößenträger Ελλάδα Київ 東京 한국 العربية עברית ไทย",
  astral: "𝒳 🔑 👩‍🚒",
  combining: "e\u0301 \u00e9",
  lone: "\ud800",
  control: "\u0000\u0001\u001f\u007f\u2028\ufeff",
};

/** An object whose own keys are names that every object has; as `JSON.parse` makes them. */
export function oddKeys(): { [key: string]: string } {
  return JSON.parse('{"__proto__":"a","constructor":"b","prototype":"c","toString":"d","hasOwnProperty":"e","":"f","~/":"g"}');
}
