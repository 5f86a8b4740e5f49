/** Scopes, as a property: what a token is not good for changes nothing of what its holder is told. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryBackend } from "../../src/backends/memory.ts";
import { type Principal, principalOf } from "../../src/server/access.ts";
import { checkReach, checkRight, namesInScope, pageInScope, pathBeyond } from "../../src/server/scope.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import type { ListQuery, Reference, Store } from "../../src/stores/store.ts";
import { memoryVault } from "../../src/vaults/memory.ts";

const TYPES = ["a", "a-b", "b", "z"];
const holder = (types: string[] | null, names: string[] | null) => principalOf({ name: "it", roles: ["viewer"], types, names });
const place = ({ type, name }: { type: string; name: string }) => `${type}/${name}`;

async function storeWith(places: readonly (readonly [string, string])[]): Promise<Store> {
  const store = sealedStore({ backend: memoryBackend(), vault: memoryVault() });
  for (const [type, name] of places)
    await store.save({ type, name, schema: "", data: {}, references: {}, secrets: {} }, { overwrite: true });
  return store;
}

/** All pages, each of `limit`. */
async function paged(principal: Principal, store: Store, query: ListQuery, limit: number): Promise<string[]> {
  const all: Reference[] = [];
  for (;;) {
    const after = all.at(-1) ?? query.after;
    const page = await pageInScope(principal, { ...query, after, limit }, (each) => store.list(each));
    all.push(...page);
    if (page.length < limit) return all.map(place);
  }
}

describe("lists", () => {
  it("are, page by page, what they would be if nothing else were there", async () => {
    const name = fc.string({ unit: fc.constantFrom("x", "y", "-"), minLength: 1, maxLength: 3 });
    const places = fc.array(fc.tuple(fc.constantFrom(...TYPES), name), { maxLength: 30 });
    const types = fc.option(fc.subarray(TYPES, { minLength: 1 }));
    const names = fc.option(
      fc.array(fc.string({ unit: fc.constantFrom("x", "y", "*"), minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
    );
    const type = fc.option(fc.constantFrom(...TYPES), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(places, types, names, type, fc.integer({ min: 1, max: 5 }), async (all, inTypes, named, only, limit) => {
        const principal = holder(inTypes, named);
        const visible = all.filter(([type, name]) => principal.may("see", { type, name }));
        const [whole, without] = [await storeWith(all), await storeWith(visible)];
        expect(await paged(principal, whole, { type: only }, limit)).toEqual((await without.list({ type: only })).map(place));
        expect(await namesInScope(principal, whole, { type: only })).toEqual(await without.names({ type: only }));
      }),
      { numRuns: 200 },
    );
  });
});

describe("references", () => {
  const document = (type: string, name: string, ...children: Reference[]) => ({
    ...{ id: `${type}-${name}`, type, name },
    references: Object.fromEntries(children.map((child) => [`/to-${child.name}`, child])),
  });
  const deep = document("z", "deep");
  const middle = document("a", "middle", deep);
  const side = document("a", "side");
  const root = document("a", "root", side, middle);

  it("that lead beyond the scope are told by their path, at any distance", () => {
    const all = [root, side, middle, deep];
    expect(pathBeyond(holder(["a"], null), "see", all)).toBe("/to-middle/to-deep");
    expect(pathBeyond(holder(null, ["root", "side", "deep"]), "see", all)).toBe("/to-middle");
    expect(pathBeyond(holder(["a", "z"], null), "see", all)).toBeUndefined();
    expect(pathBeyond(holder(null, null), "see", all)).toBeUndefined();
    expect(() => checkReach(holder(["a"], null), "see", all)).toThrow(
      expect.objectContaining({
        code: "ERR_DENIED",
        message: expect.stringMatching(/^a\/root refers at \/to-middle\/to-deep to a document that/),
      }),
    );
  });

  it("count by what the document is, not by what the reference says of it; and where it is gone, by that", () => {
    const lying = { ...root, references: { "/x": { id: deep.id, type: "a", name: "harmless" } } };
    expect(pathBeyond(holder(["a"], null), "see", [lying, deep])).toBe("/x");
    expect(pathBeyond(holder(["a"], null), "see", [lying])).toBeUndefined();
    expect(pathBeyond(holder(["a"], null), "see", [middle])).toBe("/to-deep");
  });

  it("in a circle come to an end", () => {
    const one = document("a", "one");
    const two = document("a", "two", one);
    const circle = { ...one, references: { "/two": two } };
    expect(pathBeyond(holder(["a"], null), "see", [circle, two])).toBeUndefined();
  });
});

it("a refusal says what was asked for, and the right", () => {
  const refusal = (name?: string) => () => checkRight(holder(["a"], null), "write", { type: "b", name });
  expect(refusal("one")).toThrow(expect.objectContaining({ code: "ERR_DENIED", message: "The access token may not write b/one." }));
  expect(refusal()).toThrow("may not write the block type b");
  expect(() => checkRight(holder(["a"], null), "see", { type: "a", name: "one" })).not.toThrow();
});
