import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Backend, StoredRecord } from "../../src/backends/backend.ts";
import { fileBackend } from "../../src/backends/file.ts";
import { backendConformance } from "../../src/testing.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();
const open = () => fileBackend({ path: join(folder, randomUUID()), create: true });

backendConformance({ describe, it }, { name: "the backend of files", open });

describe("a folder that someone else prepared, as a repository may be", () => {
  let [place, outside] = ["", ""];
  let backend: Backend;
  beforeEach(async () => {
    [place, outside] = [join(folder, randomUUID()), join(folder, randomUUID())];
    backend = await fileBackend({ path: place, create: true });
    mkdirSync(outside);
    writeFileSync(join(outside, "one.json"), "precious");
  });

  const record = (name: string): StoredRecord => ({
    ...{ id: randomUUID(), kind: "document", type: "t", name, schema: "", data: {}, references: {}, secrets: {}, sealed: "s" },
    ...{ revision: 1, created: "", updated: "", updatedBy: "" },
  });
  const linked = expect.objectContaining({ code: "ERR_DENIED", message: expect.stringMatching(/ is a link, which is not followed\./) });
  const untouched = () =>
    expect([readdirSync(outside), readFileSync(join(outside, "one.json"), "utf8")]).toEqual([["one.json"], "precious"]);

  it("removes nothing but records, whatever it lists as begun removals", async () => {
    for (const list of ['["../OUTSIDE/one.json"]', '["t/../../OUTSIDE/one.json"]', '["/etc/none.json"]', "[5]", "{}", "no JSON", ""]) {
      writeFileSync(join(place, ".removals.json"), list.replace("OUTSIDE", outside.slice(folder.length + 1)));
      await expect(backend.put(record("one"), null)).rejects.toMatchObject({
        code: "ERR_CANNOT_OPEN",
        message: expect.stringMatching(/\.removals\.json in it lists other things than records\. Delete that file\.$/),
      });
      expect(await backend.check()).toEqual([expect.stringContaining(".removals.json")]);
    }
    untouched();
  });

  it("writes through no link, of a file, of the file beside it, or of a folder", async () => {
    mkdirSync(join(place, "t"));
    symlinkSync(join(outside, "one.json"), join(place, "t", "one.json.new"));
    await backend.put(record("one"), null);
    expect(lstatSync(join(place, "t", "one.json")).isFile()).toBe(true);
    untouched();
    symlinkSync(join(outside, "one.json"), join(place, "t", "two.json"));
    await expect(backend.put(record("two"), null)).rejects.toEqual(linked);
    symlinkSync(outside, join(place, "u"));
    await expect(backend.put({ ...record("three"), type: "u" }, null)).rejects.toEqual(linked);
    writeFileSync(join(place, ".removals.json"), '["u/one.json"]');
    await expect(backend.put(record("four"), null)).rejects.toEqual(linked);
    untouched();
  });

  it("makes no lock elsewhere", async () => {
    const other = join(folder, randomUUID());
    mkdirSync(other);
    writeFileSync(join(other, "ashlar.json"), readFileSync(join(place, "ashlar.json")));
    symlinkSync(join(outside, "lock"), join(other, ".lock"));
    await expect((await fileBackend({ path: other })).put(record("one"), null)).rejects.toEqual(linked);
    expect(existsSync(join(outside, "lock"))).toBe(false);
  });
});
