/**
 * The conformance suite of backends. Touches the contract.
 * @module
 */
import type { Backend } from "../backends/backend.ts";
import { type LosingBackend, lostAnswers } from "./backend-answers.ts";
import { closing, listing, looking, readingAndWriting } from "./backend-records.ts";
import { references, removing } from "./backend-references.ts";
import { type Runner, runSuite, type SuiteOptions } from "./suite.ts";

/** What the suite is told of a backend. */
export interface BackendSuiteOptions extends SuiteOptions<Backend> {
  /** Makes one whose answers a test can lose. Default: none, as where nothing lies between a backend and its records. */
  readonly losing?: (() => Promise<LosingBackend>) | undefined;
}

/**
 * Runs the contract of {@link Backend} against one.
 * @throws TypeError for a deviation that names no case.
 */
export function backendConformance(runner: Runner, options: BackendSuiteOptions): void {
  const answers = options.losing ? [lostAnswers(options.losing)] : [];
  runSuite(runner, options, [...readingAndWriting, ...references, ...removing, ...listing, ...looking, ...answers, ...closing]);
}
