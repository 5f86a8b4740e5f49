/**
 * The case of the backend suite on answers that are lost on the way. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import type { Backend, StoredRecord } from "../backends/backend.ts";
import { comesBack, next, record } from "./backend-subject.ts";
import { type Case, refused } from "./suite.ts";

/** A backend, reached by a way that a test can cut. */
export interface LosingBackend {
  readonly backend: Backend;
  /** The next write arrives and is done, and its first answer is lost. */
  lose(): void;
  /** How many answers were lost so far. */
  lost(): number;
  /** Closes the way; the suite closes the backend. */
  close(): Promise<void>;
}

/** A write whose answer is lost is looked up: it may say that nobody can know, never that another one won. */
export function lostAnswers(losing: () => Promise<LosingBackend>): Case<Backend> {
  return {
    name: "put, remove: a write whose answer is lost is done once, and is acknowledged or ERR_OUTCOME_UNKNOWN",
    async run() {
      const subject = await losing();
      const { backend } = subject;
      const without = async (answer: number, write: Promise<void>) => {
        await write.catch((error: unknown) => refused("ERR_OUTCOME_UNKNOWN", () => Promise.reject(error)));
        assert.equal(subject.lost(), answer);
      };
      const one: StoredRecord = record("one");
      try {
        subject.lose();
        await without(1, backend.put(one, null));
        await comesBack(backend, one);
        subject.lose();
        await without(2, backend.put(next(one), 1));
        await comesBack(backend, next(one));
        await refused("ERR_CONFLICT", () => backend.put(next(one), 1));
        subject.lose();
        await without(3, backend.remove([next(one)]));
        assert.equal(await backend.get({ id: one.id }), null);
        assert.deepStrictEqual(await backend.check(), []);
      } finally {
        await backend.close();
        await subject.close();
      }
    },
  };
}
