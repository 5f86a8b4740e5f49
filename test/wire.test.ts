import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { AnyBlock, AnyBlockClass } from "../src/definition.ts";
import { toDraft } from "../src/document.ts";
import { Block, block, secret } from "../src/index.ts";
import { type Json, type JsonObject, parseLossless } from "../src/json.ts";
import { schemaTextFor } from "../src/schema.ts";
import { secretPlaces } from "../src/secret-places.ts";
import { fromWire, maskedAt, toWire } from "../src/wire.ts";
import { samples } from "./blocks/samples.ts";

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8")) as T;
}

const model = z.object({ user: z.string(), pw: secret().optional() }).meta({ id: "Account" });
class Child extends Block.define({
  name: "Wire Child",
  fields: { a: secret(), b: z.string().default("x"), c: secret(z.record(z.string(), z.json())).optional() },
}) {}
class Other extends Block.define({ name: "Wire Other", fields: { b: secret(), a: z.string() } }) {}
class Parent extends Block.define({
  name: "Wire Parent",
  fields: {
    plain: z.string(),
    token: secret().optional(),
    tokens: z.array(secret()).default([]),
    whole: secret(z.array(z.string())).optional(),
    pair: z.tuple([secret(), z.string()]).optional(),
    headers: secret(z.record(z.string(), z.json())).optional(),
    account: model.optional(),
    accounts: z.array(model).default([]),
    child: block(Child).optional(),
    children: z.array(block(Child)).default([]),
    either: z.union([block(Child), block(Other)]).optional(),
    renamed: secret().optional().meta({ key: "X-Renamed" }),
    number: secret(z.int()).optional(),
  },
}) {}

/** Every field of {@link Parent} set, children unsaved. */
const full = () =>
  new Parent({
    plain: "p",
    token: "s",
    tokens: ["s", "s"],
    whole: ["s"],
    pair: ["s", "p"],
    headers: { a: "s", deep: { b: ["s"] } },
    account: { user: "p", pw: "s" },
    accounts: [{ user: "p", pw: "s" }, { user: "p" }],
    child: { a: "s", b: "p", c: { k: "s" } },
    children: [{ a: "s" }, { a: "s", c: {} }],
    either: { blockTypeSlug: "wire-other", a: "p", b: "s" },
    renamed: "s",
    number: 5,
  });

function schemaOf(cls: AnyBlockClass): JsonObject {
  return parseLossless(schemaTextFor(cls)) as JsonObject;
}

function wireOf(instance: AnyBlock): { data: JsonObject; secrets: Record<string, Json>; fields: JsonObject } {
  const draft = toDraft(instance, "n");
  const secrets = Object.fromEntries(Object.entries(draft.secrets).map(([at, value]) => [at, value.reveal()]));
  return { data: toWire(draft.data, secrets, {}), secrets, fields: schemaOf(instance.constructor as AnyBlockClass) };
}

describe("a class's document, by its schema alone", () => {
  test("has its secrets where the class has them, whatever they are nested in", () => {
    const { data, secrets, fields } = wireOf(full());
    expect(Object.keys(secrets).length).toBe(16);
    expect(fromWire(data, fields)).toEqual({ data: toDraft(full(), "n").data, secrets, references: {} });
  });

  test.each(Object.entries(samples))("%s, as it is shipped", (_name, sample) => {
    const { data, secrets, fields } = wireOf(sample);
    expect(fromWire(data, fields).secrets).toEqual(secrets);
  });

  test("what is not set is no secret, and an empty secret is one", () => {
    const { data, secrets, fields } = wireOf(new Parent({ plain: "p", token: "", headers: {} }));
    expect(secrets).toEqual({ "/token": "", "/headers": {} });
    expect(fromWire(data, fields).secrets).toEqual(secrets);
  });

  test("a dictionary of secrets counts whole, as Prefect's schema says nothing of its values", () => {
    class Dictionary extends Block.define({ name: "Wire Dictionary", fields: { d: z.record(z.string(), secret()) } }) {}
    const { data, fields } = wireOf(new Dictionary({ d: { k: "s" } }));
    expect(fromWire(data, fields)).toEqual({ data: { d: null }, secrets: { "/d": { k: "s" } }, references: {} });
  });
});

describe("Prefect's own schemas", () => {
  type Vector = { note: string; stored: JsonObject; secret_fields: string[]; masked: JsonObject };
  const vectors = fixture<{ cases: Vector[] }>("obfuscation-vectors.json").cases;

  test.each(vectors.map((vector) => [vector.note, vector] as const))(
    "what its server masks is secret: %s",
    (_note, { stored, secret_fields, masked }) => {
      const { data } = fromWire(stored, { secret_fields });
      const differ = (a: Json | undefined, b: Json | undefined, seen: Json | undefined): void => {
        if (JSON.stringify(a) === JSON.stringify(b)) return;
        if (b === "********") expect(seen ?? null).toBeNull();
        else
          for (const key of Object.keys(b as object))
            differ((a as JsonObject)[key], (b as JsonObject)[key], (seen as JsonObject | null)?.[key]);
      };
      differ(stored, masked, data);
      const again = fromWire(masked, { secret_fields }, { masked: true });
      expect(JSON.stringify(again.data)).not.toContain("********");
    },
  );

  const of = (properties: JsonObject, secret_fields: string[], rest: JsonObject = {}): JsonObject => ({
    type: "object",
    properties,
    secret_fields,
    ...rest,
  });
  const places = (fields: JsonObject, data: JsonObject, masked?: boolean) => secretPlaces(fields, data, masked);

  test("what its server forgets to mask is secret: dictionaries of models, lists of blocks, JSON in a secret", () => {
    expect(places(of({ models: { type: "object" } }, ["models.pw"]), { models: { a: { pw: "s", user: "p" }, pw: { pw: "s" } } })).toEqual([
      "/models/a/pw",
      "/models/pw",
    ]);
    expect(places(of({ value: {} }, ["value", "value"]), { value: { u: "s" } })).toEqual(["/value"]);
    const child = of({ pw: { type: "string" } }, ["pw"], { block_type_slug: "c" });
    const many = of({ many: { type: "array", items: { $ref: "#/definitions/C" } } }, ["many.pw"], { definitions: { C: child } });
    expect(places(many, { many: [{ pw: "s" }, { pw: null }] })).toEqual(["/many/0/pw"]);
  });

  test("an alias is found by its mark, or by its likeness; without either, a masked view masks what it may be", () => {
    const marked = { type: "string", format: "password", writeOnly: true };
    expect(places(of({ "X-Token": marked, label: {} }, ["token_value"]), { "X-Token": "s", label: "p" })).toEqual(["/X-Token"]);
    expect(places(of({ secretDict: { type: "object" }, label: {} }, ["secret_dict.*"]), { secretDict: { a: "s" }, label: "p" })).toEqual([
      "/secretDict",
    ]);
    const unlike = of({ other: { type: "object" }, label: { type: "string" } }, ["secret_dict.*"]);
    expect(places(unlike, { other: { a: "s" }, label: "p" })).toEqual([]);
    expect(places(unlike, { other: { a: "s" }, label: "p" }, true)).toEqual(["/label", "/other"]);
  });

  test("of a union the slug chooses; a masked view goes by the outer list too", () => {
    const a = of({ x: {}, y: {} }, ["x"], { block_type_slug: "a" });
    const b = of({ y: {}, z: {} }, ["y"], { block_type_slug: "b" });
    const choices = [{ $ref: "#/definitions/A" }, { $ref: "#/definitions/B" }];
    const union = of({ u: { anyOf: choices } }, ["u.x", "u.y"], { definitions: { A: a, B: b } });
    const data = { u: { block_type_slug: "a", x: "s", y: "p" } };
    expect([places(union, data), places(union, data, true)]).toEqual([["/u/x"], ["/u/x", "/u/y"]]);
  });

  test("of a tuple with secret parts a masked view shows none", () => {
    const marked = { type: "string", format: "password", writeOnly: true };
    const tuple = of({ t: { type: "array", prefixItems: [marked, { type: "string" }] } }, ["t"]);
    expect([places(tuple, { t: ["s", "p"] }), places(tuple, { t: ["s", "p"] }, true)]).toEqual([["/t/0"], ["/t"]]);
  });

  test("of pydantic 1, and damaged ones", () => {
    const old = of({ creds: { allOf: [{ $ref: "#/definitions/Azure" }] } }, [], {
      definitions: { Azure: of({ key: { type: "string", format: "password", writeOnly: true } }, []) },
    });
    expect(places(old, { creds: { key: "s" } })).toEqual(["/creds/key"]);
    for (const fields of [
      {},
      { properties: 5 },
      { secret_fields: [5, null, "a"] },
      { definitions: [], properties: { a: { $ref: "#/definitions/x" } } },
    ] as JsonObject[])
      expect(places(fields, { a: { b: 1 } }).every((place) => place === "/a")).toBe(true);
    const endless = of({ a: { $ref: "#/definitions/L" } }, [], {
      definitions: { L: { anyOf: [{ $ref: "#/definitions/L" }, { type: "string", format: "password", writeOnly: true }] } },
    });
    expect(places(endless, { a: "s" })).toEqual(["/a"]);
  });
});

describe("data", () => {
  test("is put together and taken apart, with odd keys, references and masks", () => {
    const odd = JSON.parse('{"__proto__":null,"constructor":null,"":null,"~/":{"x":[null,1]},"ref":null}') as JsonObject;
    const secrets = { "/__proto__": "s", "/constructor": { a: 1 }, "/": "s", "/~0~1/x/0": [] };
    const wire = toWire(odd, secrets, { "/ref": { $ref: { block_document_id: "id-1" } } });
    expect(JSON.stringify(wire)).toBe(
      '{"__proto__":"s","constructor":{"a":1},"":"s","~/":{"x":[[],1]},"ref":{"$ref":{"block_document_id":"id-1"}}}',
    );
    expect(Object.getPrototypeOf(wire)).toBe(Object.prototype);
    const fields = {
      secret_fields: ["__proto__", "constructor", "", "~/.x.0"],
      properties: JSON.parse('{"__proto__":{},"constructor":{},"":{},"~/":{}}') as JsonObject,
    };
    const back = fromWire(wire, fields);
    expect(JSON.stringify(back.data)).toBe('{"__proto__":null,"constructor":null,"":null,"~/":{"x":[[],1]},"ref":null}');
    expect(back.references).toEqual({ "/ref": "id-1" });
    expect(({} as Record<string, unknown>).a).toBeUndefined();
    expect(toWire(odd, maskedAt(Object.keys(secrets)), {})["~/"]).toEqual({ x: ["********", 1] });
  });

  test("only an object with an id at the top is a reference", () => {
    const data = {
      a: { $ref: {} },
      b: { $ref: "x" },
      c: { deep: { $ref: { block_document_id: "i" } } },
      d: [{ $ref: { block_document_id: "i" } }],
    };
    expect(fromWire(data, {})).toEqual({ data, secrets: {}, references: {} });
  });

  test("keeps whole numbers that JavaScript cannot hold as text, or as told, and floats as numbers", () => {
    const data = parseLossless('{"a":1.0,"b":12345678901234567890,"s":9007199254740993,"n":[9007199254740991,1e3]}') as JsonObject;
    const fields = { secret_fields: ["s"], properties: { s: {} } };
    expect(fromWire(data, fields)).toEqual({
      data: { a: 1, b: "12345678901234567890", s: null, n: [9007199254740991, 1000] },
      secrets: { "/s": "9007199254740993" },
      references: {},
    });
    const told: string[] = [];
    fromWire(data, fields, { bigNumber: (_digits, at) => told.push(at) });
    expect(told).toEqual(["/b", "/s"]);
  });
});
