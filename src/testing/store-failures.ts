/**
 * The cases of the store suite on a store that was closed and a storage that fails: each method of the contract says so. Touches the contract.
 * @module
 */
import { randomUUID } from "node:crypto";
import type { ErrorCode } from "../errors.ts";
import type { Store } from "../stores/store.ts";
import { at, part, partSchema, partType } from "./store-subject.ts";
import { type Case, refused } from "./suite.ts";

/** Each method of the contract, once. */
function uses(store: Store): (() => Promise<unknown>)[] {
  return [
    async () => store.load(at("one")),
    () => store.inspect(at("one")),
    () => store.save(part("one"), { overwrite: true }),
    () => store.save(part("two")),
    () => store.delete(at("one")),
    () => store.list(),
    () => store.loadPage(),
    () => store.deleteType("part"),
    () => store.loadMany([randomUUID()]),
    () => store.inspectMany([randomUUID()]),
    () => store.names(),
    () => store.saveType(partType),
    () => store.saveSchema(partSchema()),
    () => store.type({ slug: "part" }),
    () => store.types(),
    () => store.schemas(),
    () => store.deleteSchema(randomUUID()),
    () => store.schema({ type: "part" }),
    () => store.schema({ type: "part", checksum: partSchema().checksum }),
  ];
}

export const closing: readonly Case<Store>[] = [
  {
    name: "close: twice, and afterwards all is ERR_UNREACHABLE",
    async run(store) {
      await store.save(part("one"));
      await store.close();
      await store.close();
      for (const use of uses(store)) await refused("ERR_UNREACHABLE", use);
    },
  },
];

/** What a failing storage says is passed on; nothing of it is told as an absence. */
export function failures(failing: (code: ErrorCode) => Store | Promise<Store>): Case<Store>[] {
  return (["ERR_DENIED", "ERR_UNREACHABLE", "ERR_CANNOT_OPEN"] as const).map((code) => ({
    name: `${code} of the storage is passed on, never told as an absence`,
    async run() {
      const store = await failing(code);
      for (const use of uses(store)) await refused(code, use);
      await store.close();
    },
  }));
}
