/** Compares TypeScript classes with the schemas of their Python originals, one class a case, none left out. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../src/index.ts";
import { parseLossless, plainNumbers } from "../src/json.ts";

interface Case {
  readonly checksum: string;
  readonly fields: JsonObject & { readonly title: string };
}

/** What a block class shows of its schema. */
export interface SchemaClass {
  readonly slug: string;
  readonly checksum: string;
  schema(): JsonObject;
}

/** The parsed JSON of a fixture, its numbers as they were written. */
export function fixture<T>(name: string): T {
  return parseLossless(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), "utf8")) as T;
}

/** One test a case: equal fields, and an equal checksum, which also tells 1.0 from 1. */
export function describeCases(name: string, cases: readonly Case[], classes: Readonly<Record<string, SchemaClass>>): void {
  describe(name, () => {
    it("has a class for every case and a case for every class", () => {
      expect(Object.keys(classes).sort()).toEqual(cases.map(({ fields }) => fields.title).sort());
    });

    it.each(cases.map((each) => [each.fields.title, each] as const))("%s", (title, { checksum, fields }) => {
      const cls = classes[title] as SchemaClass;
      expect(cls.schema()).toEqual(plainNumbers(fields));
      expect(cls.slug).toBe(fields.block_type_slug);
      expect(cls.checksum).toBe(checksum);
    });
  });
}
