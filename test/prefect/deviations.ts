/** What the `prefect:` store does otherwise than the contract of stores, whichever server stands behind it, with the reasons. */
import type { Deviation } from "../../src/testing/suite.ts";

export const DEVIATIONS: readonly Deviation[] = [
  {
    reason: "Prefect counts no revisions",
    cases: [
      "save: counts from 1 how often a document was written, and each document anew",
      "save: of twenty at one revision one wins",
      "delete: ifRevision deletes that revision, and else is ERR_CONFLICT with both",
    ],
  },
  {
    reason: "Prefect counts no revisions, so a condition on one is refused",
    refusedWith: "ERR_UNSUPPORTED",
    cases: ["save: ifRevision replaces that revision, and else is ERR_CONFLICT with both"],
  },
  { reason: "Prefect does not tell when a secret changed", cases: ["save: only a secret that changed moves its time"] },
  { reason: "Prefect has one null", cases: ["save: keeps a secret that is null apart from one that is not set"] },
  {
    reason: "Prefect would take it and then fail at every list that holds it",
    refusedWith: "ERR_UNSUPPORTED",
    cases: ["save: keeps a lone surrogate, half of a character"],
  },
  { reason: "Prefect's own client asks once, and so does this", cases: ["ERR_NOT_FOUND: names the nearest to a misspelt name"] },
  {
    reason: "Prefect ties a document to one row of a schema",
    refusedWith: "ERR_REFERENCED",
    cases: [
      "deleteSchema: while documents were saved under it it is ERR_REFERENCED, with cascade they go too, unless another has its checksum",
    ],
  },
  {
    reason: "Prefect protects its own types only",
    refusedWith: "ERR_UNSUPPORTED",
    cases: ["a protected type and its schemas are ERR_PROTECTED, also after its metadata changed"],
  },
];
