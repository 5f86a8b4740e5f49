/**
 * `ashlar/testing`: the suites that every backend, vault and store passes, to be run by the tests of one more. Touches node:assert and the
 * contracts; the test runner is passed in.
 *
 * ```ts
 * import { describe, it } from "vitest"; // or from "node:test"
 * import { backendConformance } from "ashlar/testing";
 *
 * backendConformance({ describe, it }, { name: "my backend", open: async () => myBackend(await freshPlace()) });
 * ```
 * @module
 */
export type { LosingBackend } from "./testing/backend-answers.ts";
export { type BackendSuiteOptions, backendConformance } from "./testing/backends.ts";
export { type StoreSuiteOptions, storeConformance } from "./testing/stores.ts";
export { type Deviation, failing, type Runner, type SuiteOptions } from "./testing/suite.ts";
export { type VaultSuiteOptions, vaultConformance } from "./testing/vaults.ts";
