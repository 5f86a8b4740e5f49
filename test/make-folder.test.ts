import { existsSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeFolder } from "../src/make-folder.ts";
import { temporaryFolder } from "./temporary.ts";

const folder = temporaryFolder();

it("makes a folder and those above it, and leaves one that is there as it is", () => {
  const path = join(folder, "a", "b", "c");
  makeFolder(path, 0o700);
  for (const each of [path, join(folder, "a")]) expect(statSync(each).mode & 0o777).toBe(0o700);
  makeFolder(path, 0o755);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  symlinkSync(path, join(folder, "link"));
  makeFolder(join(folder, "link"));
  makeFolder("/");
});

it("throws what the system says: a file in its place, or in the place of one above, or a link that leads nowhere", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  symlinkSync(join(folder, "none"), join(folder, "broken"));
  for (const [path, code] of [
    [file, "EEXIST"],
    [join(file, "below"), "ENOTDIR"],
    [join(folder, "broken"), "EEXIST"],
  ] as const)
    expect(() => makeFolder(path)).toThrow(expect.objectContaining({ code }));
});

it.runIf(existsSync("/proc/self"))("ends where the system says that there is none although the one above is there", () => {
  for (const path of ["/proc/none", "/proc/none/below"])
    expect(() => makeFolder(path)).toThrow(expect.objectContaining({ code: "ENOENT" }));
});
