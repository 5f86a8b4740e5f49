/** A secret stays one: what a schema forgets is taken back, and what puts other values beside a kept secret is told. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../../src/json.ts";
import { freedPlaces, keptSecret, redirection } from "../../src/server/secrecy.ts";
import { toWire } from "../../src/wire.ts";

describe("what a schema forgets", () => {
  const kept = (data: JsonObject, before: string[], secrets: Record<string, Json> = {}) => keptSecret({ data, secrets }, before);

  it("is a secret as before, at any depth, of any kind", () => {
    expect(kept({ token: "t", host: "h", deep: { a: [{ b: 5 }] } }, ["/token", "/deep/a/0/b"])).toEqual({
      data: { token: null, host: "h", deep: { a: [{ b: null }] } },
      secrets: { "/token": "t", "/deep/a/0/b": 5 },
    });
    for (const value of ["", 0, false, {}, [], { a: null }] as Json[])
      expect(kept({ token: value }, ["/token"])).toEqual({ data: { token: null }, secrets: { "/token": value } });
  });

  it("is nothing where nothing is set any more, or where the schema marks it still", () => {
    for (const data of [{}, { token: null }, { other: "token" }] as JsonObject[])
      expect(kept(data, ["/token"])).toEqual({ data, secrets: {} });
    const marked = { data: { token: null, all: null }, secrets: { "/token": "t", "/all": { a: "b" } } };
    expect(keptSecret(marked, ["/token", "/all/a"])).toEqual(marked);
  });

  it("is every item of a list of which one was secret, since items move; but one key of an object is no other key", () => {
    expect(kept({ list: ["a", "b", null], object: { "0": "x", "1": "y" } }, ["/list/7", "/object/0"])).toEqual({
      data: { list: [null, null, null], object: { "0": null, "1": "y" } },
      secrets: { "/list/0": "a", "/list/1": "b", "/object/0": "x" },
    });
  });

  it("is the whole again where only parts of it are marked now", () => {
    expect(
      kept({ headers: { a: null, "b/~": null, c: "public?" } }, ["/headers"], { "/headers/a": "1", "/headers/b~1~0": "2", "/other": "3" }),
    ).toEqual({
      data: { headers: null },
      secrets: { "/headers": { a: "1", "b/~": "2", c: "public?" }, "/other": "3" },
    });
  });

  it("is not freed where it was readable before, and stays as it is", () => {
    expect(freedPlaces({ list: ["x", "y"] }, ["/list/1"], { list: ["x", null] })).toEqual(["/list/1"]);
    expect(freedPlaces({ list: ["z", null] }, ["/list/1"], { list: ["x", null] })).toEqual(["/list/0"]);
  });

  it("loses nothing and shows nothing, whatever the data and the places are", () => {
    const key = fc.constantFrom("a", "b", "0", "__proto__", "~/");
    const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<Json>("x", 1, null),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(key, tie("tree"), { maxKeys: 3 }),
      ),
    }));
    const places = fc
      .array(fc.array(key, { minLength: 1, maxLength: 3 }), { maxLength: 4 })
      .map((all) => all.map((parts) => parts.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")));
    fc.assert(
      fc.property(fc.dictionary(key, tree, { maxKeys: 4 }), places, (data, before) => {
        const result = keptSecret({ data: data as JsonObject, secrets: {} }, before);
        expect(freedPlaces(result.data, before)).toEqual([]);
        expect(Object.keys(result.secrets).sort()).toEqual(freedPlaces(data as JsonObject, before));
        expect(toWire(result.data, result.secrets, {})).toEqual(data);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("another value beside a secret that is kept", () => {
  const to = (id: string) => ({ id, type: "a", name: id });
  const before = {
    data: { host: "good", port: 1, token: null, more: { a: 1, list: [{ x: 1 }] } },
    references: { "/child": to("1"), "/other": to("2") },
  };

  it("is told with its place, and that of the secret", () => {
    const after = { ...before, data: { ...before.data, host: "evil", more: { a: 1, b: 2, list: [{ x: 2 }] } } };
    expect(redirection(before, after, ["/token"], [])).toEqual({ kept: ["/token"], changed: ["/host", "/more/list", "/more/b"] });
    expect(redirection(before, after, [], ["/child"])).toEqual({ kept: ["/child"], changed: ["/host", "/more/list", "/more/b"] });
  });

  it("is also another reference, or one more or less", () => {
    for (const references of [{ "/child": to("9"), "/other": to("2") }, { "/other": to("2") }])
      expect(redirection(before, { ...before, references }, ["/token"], [])).toEqual({ kept: ["/token"], changed: ["/child"] });
    const more = { ...before.references, "/third": to("3") };
    expect(redirection(before, { ...before, references: more }, [], ["/third"])).toEqual({ kept: ["/third"], changed: ["/third"] });
  });

  it("is none where nothing changed, or where no stored secret goes on", () => {
    const reordered = { more: { list: [{ x: 1 }], a: 1 }, token: null, port: 1, host: "good" };
    expect(redirection(before, { ...before, data: reordered }, ["/token"], ["/child"])).toBeNull();
    expect(redirection(before, { ...before, data: { ...before.data, host: "new" } }, [], [])).toBeNull();
  });

  it("is everything in a new document that refers to secrets of others", () => {
    expect(redirection(null, { data: { host: "h", deep: { a: 1 } }, references: { "/child": to("1") } }, [], ["/child"])).toEqual({
      kept: ["/child"],
      changed: ["/host", "/deep/a", "/child"],
    });
    expect(redirection(null, { data: { host: "h" }, references: {} }, [], [])).toBeNull();
  });
});
