/** What does not fit, in our words: where, what was expected, never what was there. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { issuesOf, pathText } from "../src/issues.ts";

const PLANTED = "planted";

/** The issues of a value, as `path: message`. */
function told(schema: z.ZodType, input: unknown, known: string[] = []): string[] {
  const result = schema.safeParse(input);
  return result.success ? [] : issuesOf(result.error, input, known).map(({ path, message }) => `${path}: ${message}`);
}

describe("an issue", () => {
  // [schema, input, what is told]
  it.each<[z.ZodType, unknown, string]>([
    [z.string(), 5, ": expected string, got number"],
    [z.string(), undefined, ": is missing (string)"],
    [z.string(), null, ": expected string, got null"],
    [z.string(), [PLANTED], ": expected string, got array"],
    [z.number(), Number.NaN, ": expected number, got NaN"],
    [z.enum(["a", "b"]), PLANTED, ': expected one of "a", "b"'],
    [z.literal("a"), undefined, ': expected "a", is missing'],
    [z.string().min(9), PLANTED, ": expected at least 9 characters"],
    [z.array(z.int()).max(1), [1, 2], ": expected at most 1 entries"],
    [z.number().gt(5), 5, ": expected more than 5"],
    [z.number().lt(5), 5, ": expected less than 5"],
    [z.int().multipleOf(5), 4, ": expected a multiple of 5"],
    [z.email(), PLANTED, ": expected text of the format email"],
    [z.string().regex(/^x/), PLANTED, ": expected text of the format /^x/"],
    [z.record(z.string().regex(/^x/), z.int()), { [PLANTED]: 1 }, `${PLANTED}: one of its keys does not fit`],
    [z.object({ a: z.array(z.object({ b: z.int() })) }), { a: [{ b: 1 }, { b: PLANTED }] }, "a[1].b: expected number, got string"],
  ])("%#", (schema, input, expected) => {
    expect(told(schema, input)).toEqual([expected]);
  });

  it("names the field that is near a misspelt one", () => {
    const schema = z.strictObject({ accountName: z.string().optional() });
    expect(told(schema, { acountName: PLANTED, other: PLANTED }, ["accountName"])).toEqual([
      "acountName: is no field; did you mean accountName?",
      "other: is no field",
    ]);
  });

  it("of a union is that of the choice that came nearest", () => {
    const schema = z.union([z.string(), z.object({ a: z.int(), b: z.int() })]);
    expect(told(schema, { a: 1, b: PLANTED })).toEqual(["b: expected number, got string"]);
  });

  it("passes on a message of the author, unless it quotes the value", () => {
    const refine = (message: string) => z.string().refine(() => false, message);
    expect(told(refine("must be odd"), PLANTED)).toEqual([": must be odd"]);
    expect(told(refine(`${PLANTED} is even`), PLANTED)).toEqual([": is refused by a check of the class"]);
    expect(
      told(
        z
          .string()
          .trim()
          .toLowerCase()
          .refine(() => false, { error: ({ input }) => `bad ${input}` }),
        ` ${PLANTED.toUpperCase()} `,
      ),
    ).toEqual([": is refused by a check of the class"]);
    expect(
      told(
        z.object({ a: z.string() }).refine(() => false, { error: ({ input }) => JSON.stringify(input) }),
        { a: PLANTED },
      ),
    ).toEqual([": is refused by a check of the class"]);
  });

  it("never holds zod's own text, which a locale may word with the value", () => {
    z.config({ localeError: ({ input }) => `got ${JSON.stringify(input)}` });
    try {
      for (const schema of [z.int(), z.email(), z.enum(["a"]), z.string().max(1), z.union([z.int(), z.boolean()]), z.strictObject({})])
        for (const text of told(schema, schema instanceof z.ZodObject ? { a: PLANTED } : PLANTED)) expect(text).not.toContain(PLANTED);
    } finally {
      z.config(z.locales.en());
    }
  });
});

it("paths are written as code would", () => {
  expect(pathText(["a", 0, "b c", 1])).toBe("a[0].b c[1]");
  expect(pathText([])).toBe("");
  expect(pathText([0, "a"])).toBe("[0].a");
});
