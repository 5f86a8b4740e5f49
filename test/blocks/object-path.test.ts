/** Names of objects in folders: where Python's pathlib puts them, and never outside. */
import { encodedPart, encodedPath, objectPath } from "ashlar/blocks/object-path";
import { expect, it } from "vitest";

// The folders as `PurePosixPath(folder) / "x/y"` joins them.
it.each([
  ["", "x/y"],
  [".", "x/y"],
  ["stage", "stage/x/y"],
  ["stage/", "stage/x/y"],
  ["a//b/./c//", "a/b/c/x/y"],
  ["/stage", "/stage/x/y"],
  ["//stage", "//stage/x/y"],
  ["///stage", "/stage/x/y"],
  ["/", "/x/y"],
  ["a b/ä?", "a b/ä?/x/y"],
])("a folder %j puts a path at %j", (folder, expected) => {
  expect(objectPath("x/y", folder)).toBe(expected);
});

it("keeps a path in its folder, and what is no folder's as it is", () => {
  expect(objectPath("/etc/x", "stage")).toBe("stage/etc/x");
  expect(objectPath("x//y/", "stage")).toBe("stage/x//y/");
  expect(objectPath("//x//y/")).toBe("x//y/");
  expect(objectPath("", "stage/")).toBe("stage");
  expect(objectPath("/")).toBe("");
});

it("encodes by parts, and refuses what a URL parser would resolve", () => {
  expect(encodedPath("a b/ä?#%/date=1:2@3,$x/%2e%2e//")).toBe("a%20b/%C3%A4%3F%23%25/date=1:2@3,$x/%252e%252e//");
  expect(encodedPart("a/b", "container")).toBe("a%2Fb");
  for (const path of [".", "..", "a/../b", "./a", "a/.", "\ud800"])
    expect(() => encodedPath(path)).toThrow(expect.objectContaining({ code: "ERR_INVALID", details: { path: "path" } }));
  for (const part of ["", ".", ".."])
    expect(() => encodedPart(part, "container")).toThrow(expect.objectContaining({ code: "ERR_INVALID" }));
});
