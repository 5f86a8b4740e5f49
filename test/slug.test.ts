/** Slugs as Prefect makes them, and what can be a document's name. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkDocumentName, isSlug, slugify, splitReference } from "../src/slug.ts";

const vectors = JSON.parse(readFileSync("test/fixtures/slugify-vectors.json", "utf8")) as { cases: { name: string; slug: string }[] };

/** Names whose slugs come out of a table of all letters of the world, which is not here: refused, with the advice to give a slug. */
const NEED_A_TABLE = ["数据 块"];

describe("slugify", () => {
  it.each(vectors.cases.filter(({ name }) => !NEED_A_TABLE.includes(name)))("$name → $slug", ({ name, slug }) => {
    expect(slugify(name)).toBe(slug);
  });

  // What python-slugify 8.0.4 gives for more corners.
  it.each([
    ["Łódź", "lodz"],
    ["x’s", "xs"],
    ["¼", "1-4"],
    ["１,２", "12"],
    ["ǅ", "dz"],
    ["Ⅻ", "xii"],
    ["ﬁ", "fi"],
    ["a\u00a0b", "a-b"],
    ["emoji \u{1F44D}\u{1F3FD}", "emoji"],
    ["&#223;x", "x"],
    ["&#38;#65;", "65"],
    ["a&#0381;b", "az-b"],
    ["&#55296;x", "x"],
    ["&lt;b&gt;", "b"],
    ["&nbsp;x", "x"],
    ["A&#44;1,2", "a-12"],
    ["'&#39;'x", "x"],
  ])("%s → %s", (name, slug) => {
    expect(slugify(name)).toBe(slug);
  });

  it.each([...NEED_A_TABLE, "Привет", "&eacute;t&eacute;", "&toString;", "&#99999999999;", "&#x110000;"])(
    "%s needs a slug of its own",
    (name) => {
      expect(vectors.cases.some((each) => each.name === NEED_A_TABLE[0])).toBe(true);
      expect(() => slugify(name)).toThrow(expect.objectContaining({ code: "ERR_DEFINITION" }));
      expect(() => slugify(name)).toThrow(
        /^No slug can be made from the name ".*": give the block class a slug, such as slug: "my-block"\.$/,
      );
    },
  );

  it("gives a slug or nothing", () => {
    for (const { slug } of vectors.cases) expect(slug === "" || isSlug(slug)).toBe(true);
    for (const text of ["", "A", "a_b", "a b", "ä", "a\n", "a/b"]) expect(isSlug(text)).toBe(false);
  });
});

describe("a document's name", () => {
  it.each(["my-block", "myblock", "a", "0", "-", "--x--", "x".repeat(300)])("can be %s", (name) => {
    expect(() => checkDocumentName(name)).not.toThrow();
  });

  it.each([
    "",
    "my_block",
    "my.block",
    "my/block",
    "my\\block",
    "my block",
    "my%block",
    "My-Block",
    "ä",
    "\u{1F680}",
    "a|b",
    "a\n",
    "\na",
    " a",
  ])("cannot be %j", (name) => {
    expect(() => checkDocumentName(name)).toThrow(expect.objectContaining({ code: "ERR_INVALID" }));
  });

  it.each([undefined, null, 5, {}, ["a"], Symbol("a")])("cannot be %o", (name) => {
    expect(() => checkDocumentName(name)).toThrow(/lower-case letters, digits and dashes: a \w+ does not\.$/);
  });

  it("is proposed where one is near", () => {
    expect(() => checkDocumentName("My Block!")).toThrow('such as "my-block": "My Block!" does not.');
    expect(() => checkDocumentName("…")).toThrow('dashes: "…" does not.');
  });
});

describe("slug/name", () => {
  it("is split", () => {
    expect(splitReference("azurecontainer/mtademo")).toEqual({ type: "azurecontainer", name: "mtademo" });
  });

  it.each(["azurecontainer", "/a", "a/", "a/b/c", "A/b", "a b/c", "", "/"])("is not %j", (reference) => {
    expect(() => splitReference(reference)).toThrow(expect.objectContaining({ code: "ERR_INVALID" }));
  });
});
