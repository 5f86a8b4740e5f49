/** JSON that loses nothing, and its two canonical forms. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalJson,
  checkDepth,
  float,
  isRawNumber,
  MAX_JSON_DEPTH,
  parseJson,
  parseLossless,
  plainNumbers,
  pointer,
  pointerParts,
  pythonJson,
  quoted,
} from "../src/json.ts";

const nested = (depth: number): unknown => (depth === 0 ? null : [nested(depth - 1)]);

describe("parseLossless", () => {
  it("writes every number back as it was, or as Python would", () => {
    for (const text of ["1.0", "1e+16", "-0.0", "123456789012345678901234567890", "0.1", "7"]) {
      expect(JSON.stringify(parseLossless(text))).toBe(text);
    }
  });

  it("keeps only the numbers that JavaScript would change", () => {
    const { a, b, c } = parseLossless('{"a":1,"b":1.0,"c":1.5}') as Record<string, unknown>;
    expect([a, isRawNumber(b), c]).toEqual([1, true, 1.5]);
    expect(plainNumbers(parseLossless('{"b":1.0,"c":[1e2]}'))).toEqual({ b: 1, c: [100] });
  });

  it("keeps a key that is called like the prototype", () => {
    expect(Object.keys(parseLossless('{"__proto__":{"a":1.0}}') as object)).toEqual(["__proto__"]);
  });

  it("gives what JSON.parse gives, numbers aside", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(plainNumbers(parseLossless(text))).toEqual(plainNumbers(JSON.parse(text)));
      }),
    );
  });

  it.each([parseLossless, parseJson])("%o never quotes what it refuses", (parse) => {
    for (const text of ['{"token":"planted"', "planted", '{"a":planted}']) {
      const thrown = (() => {
        try {
          return parse(text);
        } catch (error) {
          return error;
        }
      })() as SyntaxError;
      expect(thrown).toBeInstanceOf(SyntaxError);
      expect(`${thrown.message}${String(thrown.cause)}`).not.toContain("planted");
    }
  });
});

describe("float", () => {
  it("marks whole numbers and leaves the rest", () => {
    expect([1, -3, 0, -0, 1e16].map((value) => JSON.stringify(float(value)))).toEqual(["1.0", "-3.0", "0.0", "-0.0", "1e+16"]);
    expect(float(1.5)).toBe(1.5);
  });
});

describe("pythonJson", () => {
  it("reads back as the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = pythonJson(value);
        expect(text).toMatch(/^[ -\u007f]*$/);
        expect(canonicalJson(JSON.parse(text))).toBe(canonicalJson(JSON.parse(JSON.stringify(value))));
      }),
    );
  });

  it("writes floats as Python's repr does", () => {
    const repr = [0.1, 1e-5, 1.5e-7, 0.0001, 123456.789, 1234567890123456.5, 1.7976931348623157e308, 2 ** -1074].map((value) =>
      pythonJson(float(value)),
    );
    const python = ["0.1", "1e-05", "1.5e-07", "0.0001", "123456.789", "1234567890123456.5", "1.7976931348623157e+308", "5e-324"];
    expect(repr).toEqual(python);
  });
});

describe("canonicalJson", () => {
  it("is one text for equal values, whatever the order of their keys", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("leaves out keys without a value", () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
  });
});

describe("quoted", () => {
  it("is what JSON.stringify gives, for any text", () => {
    for (const text of ["", "plain", 'a "quote"', "back\\slash", "line\nend", "é", "\u2028", "\ud800", "\u007f", "~", " ", "\u001f"])
      expect(quoted(text)).toBe(JSON.stringify(text));
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => quoted(text) === JSON.stringify(text)));
  });
});

describe("checkDepth", () => {
  it("takes what is nested as deep as allowed, and refuses one more", () => {
    expect(() => checkDepth(nested(MAX_JSON_DEPTH), "It")).not.toThrow();
    expect(() => checkDepth(nested(MAX_JSON_DEPTH + 1), "It")).toThrow(/^It is nested deeper than 64 levels/);
  });
});

describe("pointers", () => {
  it("name any key", () => {
    expect(pointer(["a/b", "~", 0, ""])).toBe("/a~1b/~0/0/");
    fc.assert(
      fc.property(fc.array(fc.string()), (parts) => {
        expect(pointerParts(pointer(parts))).toEqual(parts);
      }),
    );
  });
});
