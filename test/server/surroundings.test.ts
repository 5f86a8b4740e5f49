/** What is around documents: read once while nothing changes, and found as soon as it comes. */
import { expect, it } from "vitest";
import { openStore } from "../../src/index.ts";
import { Schemas } from "../../src/server/schemas.ts";
import { Surroundings } from "../../src/server/surroundings.ts";
import type { Store } from "../../src/stores/store.ts";

/** A store, counting what it is asked for a type. */
async function counted(): Promise<{ store: Store; types: () => number; surroundings: Surroundings }> {
  const store = await openStore("memory:");
  let types = 0;
  const seen = new Proxy(store, {
    get(target, name) {
      if (name === "type") types++;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  return { store, types: () => types, surroundings: new Surroundings(seen, new Schemas(seen)) };
}

const partType = {
  ...{ slug: "part", name: "Part", logoUrl: null, documentationUrl: null, description: null, codeExample: null },
};

it("a type is read once, also one that is not there, until something is changed", async () => {
  const { store, types, surroundings } = await counted();
  const since = await store.stamp?.();
  for (let time = 0; time < 3; time++) expect((await (await surroundings.at(since)).type("part")).name).toBe("part");
  expect(types()).toBe(1);
  await store.saveType(partType);
  for (let time = 0; time < 3; time++) expect((await (await surroundings.at(await store.stamp?.())).type("part")).name).toBe("Part");
  expect(types()).toBe(2);
});

it("a type that was registered after the request came is there for a document that was saved since", async () => {
  const { store, surroundings } = await counted();
  const since = await store.stamp?.();
  await (await surroundings.at(since)).type("part");
  await store.saveType(partType);
  expect((await (await surroundings.at(since)).type("part")).name).toBe("Part");
});
