/** The checksum of a block schema: every one that the fixtures hold, and the corners of its exact bytes. */
import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { schemaChecksum } from "../src/checksum.ts";
import { parseLossless } from "../src/json.ts";

interface Known {
  readonly at: string;
  readonly checksum: string;
  readonly fields: Record<string, unknown>;
}

/** Every object of the fixtures with a checksum next to fields. */
function knownSchemas(): Known[] {
  const found: Known[] = [];
  const walk = (at: string, value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("checksum" in value && "fields" in value) found.push({ at, ...(value as Omit<Known, "at">) });
    for (const [key, item] of Object.entries(value)) walk(`${at}/${key}`, item);
  };
  for (const file of readdirSync("test/fixtures")) walk(file, parseLossless(readFileSync(`test/fixtures/${file}`, "utf8")));
  return found;
}

const known = knownSchemas();
const wire = (paths: string[]) => paths.map((path) => `wire-transcripts.json/scenarios/${path}`);

/** Where a server's answer is no longer what it hashed. */
const REBUILT = wire(["2", "3", "4", "5", "6", "7", "8", "16", "17", "20", "22"].map((exchange) => `1/exchanges/${exchange}/response`));
const CHILD_DELETED = wire(["2/exchanges/56/response"]);
const MADE_UP = wire(["1/exchanges/12/body", "1/exchanges/12/response/request_body"]);
const EXCEPTIONS = new Set([...REBUILT, ...CHILD_DELETED, ...MADE_UP]);

const at = (path: string) => known.find((each) => each.at === path) as Known;

describe("the checksums of the fixtures", () => {
  const regular = known.filter((each) => !EXCEPTIONS.has(each.at));

  it("are all there, and the exceptions too", () => {
    expect(regular.length).toBe(127);
    expect(known.length).toBe(127 + 14);
    expect(EXCEPTIONS.size).toBe(14);
  });

  it.each(regular)("$at", ({ checksum, fields }) => {
    expect(schemaChecksum(fields)).toBe(checksum);
    expect(schemaChecksum(JSON.stringify(fields))).toBe(checksum);
  });

  it.each(REBUILT)("%s shows references that were not hashed", (path) => {
    const { checksum, fields } = at(path);
    const { block_schema_references, ...hashed } = fields;
    expect(block_schema_references).toEqual({});
    expect(schemaChecksum(fields)).not.toBe(checksum);
    expect(schemaChecksum(hashed)).toBe(checksum);
  });

  it.each(CHILD_DELETED)("%s lacks a child that was deleted since", (path) => {
    const { checksum, fields } = at(path);
    const before = known.find((each) => each.checksum === checksum && !EXCEPTIONS.has(each.at)) as Known;
    const { block_schema_references, definitions } = before.fields;
    expect(schemaChecksum(fields)).not.toBe(checksum);
    expect(schemaChecksum({ ...fields, block_schema_references, definitions })).toBe(checksum);
  });

  it.each(MADE_UP)("%s was sent to be refused", (path) => {
    expect(at(path).checksum).toBe("sha256:zz");
  });
});

const ofBytes = (bytes: string) => `sha256:${hash("sha256", bytes)}`;

describe("the hashed bytes", () => {
  it("are those of the worked example", () => {
    const text = `{"title":"Zoë","type":"object","properties":{"f":{"default":1.0,"title":"F","type":"number"},"s":{"$ref":"#/definitions/S"}},
     "block_type_slug":"zoe","secret_fields":["s.pw"],"block_schema_references":{},
     "definitions":{"S":{"properties":{"pw":{"type":"string"}},"secret_fields":["x"],"type":"object"},"Unused":{"type":"object"},"Empty":{}}}`;
    const bytes = String.raw`[[{"block_schema_references": {}, "block_type_slug": "zoe", "definitions": {"S": {"properties": {"pw": {"type": "string"}}, "type": "object"}}, "properties": {"f": {"default": 1.0, "title": "F", "type": "number"}, "s": {"$ref": "#/definitions/S"}}, "title": "Zo\u00eb", "type": "object"}], {}]`;
    expect(schemaChecksum(text)).toBe("sha256:5ca697bd9b5a66bebda0968d3e874d3103dfbe3cb63644b233dc8060208a3278");
    expect(schemaChecksum(text)).toBe(ofBytes(bytes));
  });

  it("tell 1 from 1.0", () => {
    expect(schemaChecksum("{}")).toBe("sha256:f8e6e96abbc38504d4e9c99fc57281fa0026bede1fa42db79f22f984501710f4");
    expect(schemaChecksum('{"a":1}')).toMatch(/^sha256:686906d7.*22bd$/);
    expect(schemaChecksum('{"a":1.0}')).toMatch(/^sha256:3d231876.*14c5$/);
  });

  // [what stands in the JSON text, what Python hashes]
  it.each([
    ["-0.0", "-0.0"],
    ["-0", "0"],
    ["0.0", "0.0"],
    ["1e16", "1e+16"],
    ["10000000000000000.0", "1e+16"],
    ["1e15", "1000000000000000.0"],
    ["123456789012345680.0", "1.2345678901234568e+17"],
    ["1e-05", "1e-05"],
    ["0.0001", "0.0001"],
    ["1.5E-7", "1.5e-07"],
    ["1.50", "1.5"],
    ["1e100", "1e+100"],
    ["5e-324", "5e-324"],
    ["0.1", "0.1"],
    ["100", "100"],
    ["123456789012345678901234567890", "123456789012345678901234567890"],
    ["-9007199254740993", "-9007199254740993"],
    ["1000000000000000000000", "1000000000000000000000"],
  ])("of the number %s are %s", (text, bytes) => {
    expect(schemaChecksum(`{"a":${text}}`)).toBe(ofBytes(`[[{"a": ${bytes}}], {}]`));
  });

  it("of numbers that no JSON text has are Python's names for them", () => {
    expect(schemaChecksum({ a: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] })).toBe(
      ofBytes('[[{"a": [NaN, Infinity, -Infinity]}], {}]'),
    );
  });

  it("have keys by code point, where UTF-16 orders astral characters before U+E000", () => {
    expect(schemaChecksum({ "\u{1F600}": 1, "\uE000": 2, ab: 3, a: 4, Z: 5 })).toBe(
      ofBytes(String.raw`[[{"Z": 5, "a": 4, "ab": 3, "\ue000": 2, "\ud83d\ude00": 1}], {}]`),
    );
  });

  it("are ASCII, with Python's escapes", () => {
    expect(schemaChecksum({ a: '"\\/\n\r\t\f\b\u0001\u007f\u0080é\u2028\u{1F600}\ud800' })).toBe(
      ofBytes(String.raw`[[{"a": "\"\\/\n\r\t\f\b\u0001${"\u007f"}\u0080\u00e9\u2028\ud83d\ude00\ud800"}], {}]`),
    );
  });
});

describe("what counts", () => {
  const of = (fields: object) => schemaChecksum(fields);

  it("secret_fields do not, except inside an array", () => {
    expect(of({ secret_fields: ["a"], b: { secret_fields: ["c"] } })).toBe(of({ b: {} }));
    expect(of({ anyOf: [{ secret_fields: ["a"] }] })).not.toBe(of({ anyOf: [{}] }));
  });

  it("definitions of blocks, unused and empty ones do not; the others do, also behind a block's", () => {
    const properties = { a: { $ref: "#/definitions/Child" }, b: { anyOf: [{ $ref: "#/definitions/Json" }] } };
    const Child = { block_type_slug: "child", properties: { m: { $ref: "#/definitions/Model" } } };
    const Model = { type: "object" };
    expect(of({ properties, definitions: { Child, Json: {}, Unused: { type: "null" } } })).toBe(of({ properties }));
    expect(of({ properties, definitions: { Child, Model, Json: {} } })).toBe(
      of({ properties: { ...properties }, definitions: { Child, Model } }),
    );
    expect(of({ properties, definitions: { Child, Model } })).not.toBe(of({ properties }));
  });

  it("an empty table of definitions does", () => {
    expect(of({ definitions: {} })).not.toBe(of({}));
  });

  it("a model that contains itself ends, whatever its name", () => {
    for (const name of ["Node", "constructor", "toString", "__proto__"]) {
      const text = (other: string) => `{"$ref":"#/definitions/${name}","definitions":{"${name}":{"$ref":"#/definitions/${name}"}${other}}}`;
      expect(schemaChecksum(text(""))).toBe(
        ofBytes(`[[{"$ref": "#/definitions/${name}", "definitions": {"${name}": {"$ref": "#/definitions/${name}"}}}], {}]`),
      );
      expect(schemaChecksum(text(',"Unused":{"a":1}'))).toBe(schemaChecksum(text("")));
    }
  });
});
