/**
 * Any value of any block class: saved and loaded it is equal, and what is secret in it shows nowhere and rests nowhere in clear.
 * Classes are generated: fields of all kinds, secrets and nested blocks at any depth.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { Block, type BlockClass, block, bytes, type Fields, openStore, Secret, type Store, secret } from "../src/index.ts";
import { generateKey, keyText } from "../src/vaults/keyring.ts";
import { temporaryFolder } from "./temporary.ts";

const CANARY = "cAnAry-77aa21-zq";
const SETTINGS = { seed: 20_250_102, numRuns: 150, interruptAfterTimeLimit: 4500, markInterruptAsFailure: false };

/** Base64 at each of its three offsets, hexadecimal, and JSON's escapes. */
const encodings = [
  CANARY,
  ...[0, 1, 2].map((shift) =>
    Buffer.from(CANARY)
      .subarray(shift, shift + 12)
      .toString("base64"),
  ),
  Buffer.from(CANARY).toString("hex"),
  Array.from(CANARY, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
];

type AnyClass = BlockClass<Fields>;

/** One field, or a part of one: its schema, and what it takes. */
interface Kind {
  readonly schema: z.ZodType | AnyClass;
  readonly input: fc.Arbitrary<unknown>;
}

const text = fc.string({ unit: "binary", maxLength: 12 });
/** zod drops a key `__proto__`, so that it is refused. */
const key = fc.string({ maxLength: 9 }).filter((each) => each !== "__proto__");
const day = fc.date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true });

/** Kinds without parts. Inside a secret every text begins with the canary. */
function leaf(hidden: boolean): fc.Arbitrary<Kind> {
  const words = hidden ? text.map((word) => CANARY + word) : text;
  const kinds: Kind[] = [
    { schema: z.string(), input: words },
    { schema: z.number(), input: fc.double({ noNaN: true, noDefaultInfinity: true }) },
    { schema: z.int(), input: fc.maxSafeInteger() },
    { schema: z.boolean(), input: fc.boolean() },
    { schema: z.enum(["on", "off"]), input: fc.constantFrom("on", "off") },
    { schema: z.literal(5), input: fc.constant(5) },
    { schema: z.date(), input: day },
    { schema: z.bigint(), input: fc.bigInt() },
    { schema: bytes("base64"), input: words.map((word) => Buffer.from(word)) },
    { schema: bytes(), input: words.map((word) => new TextEncoder().encode(word.toWellFormed())) },
    { schema: z.null(), input: fc.constant(null) },
  ];
  if (!hidden)
    kinds.push({ schema: z.json(), input: fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes("__proto__")) });
  return fc.constantFrom(...kinds);
}

/** Kinds of any depth. */
function kind(depth: number, hidden = false): fc.Arbitrary<Kind> {
  if (depth === 0) return leaf(hidden);
  const inner = kind(depth - 1, hidden);
  const schemaOf = ({ schema }: Kind) => (schema instanceof z.ZodType ? schema : block(schema as never));
  const made = (map: (kind: Kind) => Kind) => inner.map(map);
  const isSet = (of: Kind) => schemaOf(of)._zod.optout !== "optional";
  const element = inner.filter(isSet); // in JSON an unset element of a list is null
  const composite = [
    element.map((of) => ({ schema: z.array(schemaOf(of)), input: fc.array(of.input, { maxLength: 3 }) })),
    made((of) => ({
      schema: z.record(z.string(), schemaOf(of)),
      input: fc.dictionary(key, of.input, { maxKeys: 3, noNullPrototype: true }),
    })),
    made((of) => ({ schema: schemaOf(of).nullable(), input: fc.option(of.input) })),
    made((of) => ({ schema: schemaOf(of).optional(), input: fc.option(of.input, { nil: undefined }) })),
    made((of) => ({
      schema: z.union([z.literal("another choice"), schemaOf(of)]),
      input: fc.oneof(of.input, fc.constant("another choice")),
    })),
    fc.tuple(element, element).map(([a, b]) => ({ schema: z.tuple([schemaOf(a), schemaOf(b)]), input: fc.tuple(a.input, b.input) })),
    fc.tuple(inner, inner).map(([a, b]) => ({
      schema: z.object({ a: schemaOf(a), bC: schemaOf(b).optional() }),
      input: fc.record({ a: a.input, bC: fc.option(b.input, { nil: undefined }) }),
    })),
  ];
  if (!hidden) {
    const within = kind(depth - 1, true).filter(isSet); // else it is refused: what is not set cannot be hidden
    composite.push(
      within.map((of) => ({ schema: secret(schemaOf(of)), input: of.input })),
      within.map((of) => ({ schema: secret(schemaOf(of)), input: of.input.map((value) => new Secret(value)) })),
      generatedClass(depth - 1),
    );
  }
  return fc.oneof({ weight: 1, arbitrary: leaf(hidden) }, ...composite.map((arbitrary) => ({ weight: 1, arbitrary })));
}

const NAMES = ["plain", "clusterId", "accountURL", "html5Path", "snake_case", "ΣίγμαField", "toStringish"];
let count = 0;

/** A block class and its input. */
function generatedClass(depth: number): fc.Arbitrary<Kind & { readonly schema: AnyClass }> {
  return fc.array(kind(depth), { minLength: 1, maxLength: NAMES.length }).map((kinds) => {
    const named = kinds.map((each, index) => [NAMES[index] as string, each] as const);
    const fields = Object.fromEntries(named.map(([name, { schema }]) => [name, schema])) as Fields;
    const schema = class Generated extends Block.define({
      name: `Generated ${++count}`,
      title: `Generated${count}`,
      fields: fields as never,
    }) {} as unknown as AnyClass;
    return { schema, input: fc.record(Object.fromEntries(named.map(([name, { input }]) => [name, input]))) };
  });
}

const sample = generatedClass(3).chain(({ schema, input }) => fc.record({ cls: fc.constant(schema), input, refer: fc.boolean() }));

const path = join(temporaryFolder(), "a.db");
let stores: Store[];
beforeAll(async () => {
  stores = [await openStore("memory:"), await openStore(`sqlite:${path}`, { create: true, keys: [keyText(generateKey())] })];
});
afterAll(async () => {
  for (const store of stores) await store.close();
});

function expectHidden(shown: string): void {
  for (const encoded of encodings) expect(shown.includes(encoded), "a secret shows").toBe(false);
}

it("saved and loaded is equal, and shows no secret on the way", async () => {
  let [runs, secrets, references] = [0, 0, 0];
  const property = fc.asyncProperty(sample, async ({ cls, input, refer }) => {
    const name = `n${++runs}`;
    for (const store of stores) {
      let given = new cls(input as never);
      if (refer)
        for (const [field, child] of Object.entries(given))
          if (child instanceof Block)
            given = given.with({
              [field]: await child.save(`${name}-${field.toLowerCase().replace(/[^a-z0-9]/g, "")}`, { store }),
            } as never);
      await given.save(name, { store });
      const loaded = await cls.load(name, { store });
      expect(loaded.equals(given) && given.equals(loaded), "what is loaded differs").toBe(true);
      expect(loaded.with({}).equals(given)).toBe(true);
      const documents = [await store.inspect({ type: cls.slug, name }), await store.list({ limit: 5 })];
      for (const shown of [given, loaded, documents, await store.load({ type: cls.slug, name })])
        expectHidden(
          JSON.stringify(shown) +
            String(shown) +
            inspect(shown, { depth: Infinity, showHidden: true, getters: true, maxStringLength: null }),
        );
      expect(JSON.stringify(loaded)).toBe(JSON.stringify(given));
      const [document] = await store.load({ type: cls.slug, name });
      secrets += Object.keys(document?.secrets ?? {}).length;
      references += Object.keys(document?.references ?? {}).length;
    }
  });
  await fc.assert(property, SETTINGS);
  expect(runs).toBeGreaterThan(50);
  expect(secrets).toBeGreaterThan(50);
  expect(references).toBeGreaterThan(5);
  const atRest = ["", "-wal"].map((suffix) => readFileSync(path + suffix).toString("latin1")).join("");
  expect(atRest).toContain("ashlar1.");
  expectHidden(atRest);
}, 20_000);

it("a changed secret is a changed block, a time that moves, and no other", async () => {
  class Two extends Block.define({ name: "Generated Two", fields: { a: secret(), b: secret() } }) {}
  let runs = 0;
  const property = fc.asyncProperty(text, text, text, async (a, b, changed) => {
    fc.pre(a !== changed);
    for (const store of stores) {
      const name = `two-${++runs}`;
      const before = await new Two({ a: new Secret(a), b: new Secret(b) }).save(name, { store });
      const first = await store.inspect({ type: Two.slug, name });
      const after = before.with({ a: new Secret(changed) });
      expect([after.equals(before), after.document?.changed]).toEqual([false, true]);
      await new Promise((done) => setTimeout(done, 2));
      await after.save(name, { store, ifRevision: 1 });
      const second = await store.inspect({ type: Two.slug, name });
      expect(second.secrets["/b"]).toEqual(first.secrets["/b"]);
      expect(second.secrets["/a"]).not.toEqual(first.secrets["/a"]);
    }
  });
  await fc.assert(property, { ...SETTINGS, numRuns: 30 });
});
