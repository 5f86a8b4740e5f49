/**
 * The conformance suite of stores. Touches node:assert and the contract.
 * @module
 */

import type { ErrorCode } from "../errors.ts";
import type { Store } from "../stores/store.ts";
import { closing, failures } from "./store-failures.ts";
import { reading } from "./store-reading.ts";
import { deleting, limits } from "./store-refusals.ts";
import { resting } from "./store-rest.ts";
import { register } from "./store-subject.ts";
import { accessTokens } from "./store-tokens.ts";
import { types } from "./store-types.ts";
import { writing } from "./store-writing.ts";
import { type Case, type Runner, runSuite, type SuiteOptions } from "./suite.ts";

/** What the suite is told of a store. */
export interface StoreSuiteOptions extends SuiteOptions<Store> {
  /** The largest document that it takes, in bytes. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** The largest secrets of a document that it takes, in bytes of JSON. Default: as large as the document. */
  readonly maxSecretBytes?: number | undefined;
  /** Whether it has access tokens. Default false. */
  readonly accessTokens?: boolean | undefined;
  /** All that lies in the storage of a store by that URL, which the suite searches for secrets. Default: nothing rests anywhere. */
  readonly atRest?: ((url: string) => Promise<Uint8Array>) | undefined;
  /** Makes a store whose storage refuses everything with a code: then the suite proves that a failure is never told as an absence. */
  readonly failing?: ((code: ErrorCode) => Store | Promise<Store>) | undefined;
}

/**
 * Runs the contract of {@link Store} against one. After each refusal, all that the store holds is compared with what it held before.
 * @throws TypeError for a deviation that names no case.
 */
export function storeConformance(runner: Runner, options: StoreSuiteOptions): void {
  const { maxBytes = 1024 * 1024, maxSecretBytes = maxBytes, atRest, failing } = options;
  const cases: Case<Store>[] = [
    ...writing,
    ...reading,
    ...closing,
    ...types,
    ...deleting,
    ...limits(maxBytes, maxSecretBytes),
    ...(options.accessTokens ? accessTokens : []),
    ...(atRest ? [resting(atRest)] : []),
    ...(failing ? failures(failing) : []),
  ];
  const open = async () => {
    const store = await options.open();
    await register(store);
    return store;
  };
  runSuite(runner, { ...options, open }, cases);
}
