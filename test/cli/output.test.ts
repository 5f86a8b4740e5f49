/** What the command line writes to a terminal, and how it tells two documents apart. */
import { describe, expect, it } from "vitest";
import { EXIT_CODES, exitCodeOf, usageError } from "../../src/cli/failure.ts";
import { changesBetween, leavesOf } from "../../src/cli/leaves.ts";
import { jsonText, lines, pairs, plain, table } from "../../src/cli/output.ts";
import { errorCodes } from "../../src/errors.ts";
import { AshlarError, type Json, Secret } from "../../src/index.ts";

describe("text", () => {
  it("shows control characters and direction overrides as escapes", () => {
    expect(plain("a\u001b[31mb\u009b\n\u202ec\u2066\u200bd")).toBe("a\\u001b[31mb\\u009b\\u000a\\u202ec\\u2066\\u200bd");
    expect(plain("tag \u{e0041}")).toBe("tag \\udb40\\udc41");
    expect(lines("one\ntwo\r")).toBe("one\ntwo\\u000d");
    expect(table(["A"], [["\u001b[2J"]])).toEqual(["A", "\\u001b[2J"]);
    expect(pairs([["\u202e", "x"]])).toEqual(["\\u202e  x"]);
  });

  it("keeps JSON the same JSON", () => {
    const value = { "\u202e": '\u009b\u{e0041}\n"' };
    expect(jsonText(value)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(JSON.parse(jsonText(value))).toEqual(value);
  });
});

describe("exit codes", () => {
  it("are one for each kind of error, and all are explained", () => {
    const codes = Object.keys(errorCodes) as (keyof typeof errorCodes)[];
    for (const code of codes) expect(EXIT_CODES[exitCodeOf(new AshlarError(code, ""))], code).toMatch(/\w/);
    expect(codes.map((code) => exitCodeOf(new AshlarError(code, ""))).every((exit) => exit > 2)).toBe(true);
    expect(exitCodeOf(usageError("x"))).toBe(64);
    expect(exitCodeOf(new Error("x"))).toBe(1);
  });
});

const content = (data: Record<string, Json>, secrets: Record<string, Json> = {}, references: Record<string, string> = {}) => ({
  data,
  secrets: Object.fromEntries(Object.entries(secrets).map(([at, value]) => [at, new Secret(value)])),
  references: Object.fromEntries(Object.entries(references).map(([at, name]) => [at, { id: name, type: "t", name }])),
});
const changed = (before: ReturnType<typeof content> | null, after: ReturnType<typeof content>) =>
  changesBetween(before, after).map(({ path, change }) => `${path} ${change}`);

describe("leaves", () => {
  it("say what stands where; a null of a block's own field stands for nothing", () => {
    const shown = leavesOf(
      content(
        { a: 1, unset: null, list: [1, null], nested: { x: null, block_type_slug: "t" }, map: { y: null }, s: null },
        { "/s": "v" },
        { "/gone/r": "n" },
      ),
    );
    expect(shown.map((leaf) => `${leaf.path}:${leaf.kind}`)).toEqual([
      "a:value",
      "list:value",
      "nested.block_type_slug:value",
      "map.y:value",
      "s:secret",
      "gone.r:reference",
    ]);
  });
});

describe("changes", () => {
  it("are the same whether a class hides a list whole or its parts", () => {
    const whole = content({ tokens: null }, { "/tokens": ["a", "b"] });
    const parts = content({ tokens: [null, null] }, { "/tokens/0": "a", "/tokens/1": "b" });
    expect(changed(whole, parts)).toEqual(["tokens[0] same", "tokens[1] same"]);
    expect(changed(parts, whole)).toEqual(["tokens same"]);
    expect(changed(whole, content({ tokens: [null] }, { "/tokens/0": "a" }))).toEqual(["tokens[0] same", "tokens removed"]);
    expect(changed(parts, content({ tokens: null }, { "/tokens": ["a"] }))).toEqual(["tokens changed"]);
  });

  it("never name a key inside a secret", () => {
    const before = content({ headers: null }, { "/headers": { hidden: "a" } });
    expect(JSON.stringify(changesBetween(before, content({ headers: null }, { "/headers": { other: "a" } })))).not.toMatch(/hidden|other/);
    expect(JSON.stringify(changesBetween(before, content({})))).not.toMatch(/hidden/);
  });

  it("tell a value from a reference from a secret", () => {
    expect(changed(content({ a: "t/x" }), content({ a: null }, {}, { "/a": "x" }))).toEqual(["a changed"]);
    expect(changed(content({ a: null }, { "/a": "v" }), content({ a: "v" }))).toEqual(["a changed"]);
    expect(changed(content({ a: null }, {}, { "/a": "x" }), content({ a: null }, {}, { "/a": "y" }))).toEqual(["a changed"]);
    expect(changed(null, content({ a: 1 }, { "/b": "" }))).toEqual(["a new", "b new"]);
    expect(changed(content({ a: {} }), content({ a: { b: 1 } }))).toEqual(["a.b new"]);
    expect(changed(content({ a: [1, null] }), content({ a: [1] }))).toEqual(["a changed"]);
    expect(changed(content({ a: [{ b: 1 }] }), content({ a: [] }))).toEqual(["a changed"]);
  });
});
