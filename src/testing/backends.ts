/**
 * The conformance suite of backends. Touches the contract.
 * @module
 */
import type { Backend } from "../backends/backend.ts";
import { closing, listing, looking, readingAndWriting } from "./backend-records.ts";
import { references, removing } from "./backend-references.ts";
import { type Runner, runSuite, type SuiteOptions } from "./suite.ts";

/**
 * Runs the contract of {@link Backend} against one.
 * @throws TypeError for a deviation that names no case.
 */
export function backendConformance(runner: Runner, options: SuiteOptions<Backend>): void {
  runSuite(runner, options, [...readingAndWriting, ...references, ...removing, ...listing, ...looking, ...closing]);
}
