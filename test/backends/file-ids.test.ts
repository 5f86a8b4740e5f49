/** What one process knows of a folder's ids is what the folder holds, also after another wrote there. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { fileBackend } from "../../src/backends/file.ts";
import { KnownIds } from "../../src/backends/file-ids.ts";
import { create, record } from "../../src/testing/backend-subject.ts";
import { temporaryFolder } from "../temporary.ts";

const path = join(temporaryFolder(), "store");

it("an id that another process took is taken, and one that it freed is free", async () => {
  const [ours, theirs] = [await fileBackend({ path, create: true }), await fileBackend({ path })];
  await create(ours, record("one"));
  await setTimeout(50); // longer than a tick of the clock that folders are stamped with
  const [two] = await create(theirs, record("two"));
  const again = record("three", { id: two.id });
  await expect(ours.put(again, null)).rejects.toMatchObject({ code: "ERR_EXISTS" });
  await setTimeout(50);
  await theirs.remove([two]);
  await ours.put(again, null);
  expect(await theirs.get({ id: two.id })).toEqual(again);
  await Promise.all([ours.close(), theirs.close()]);
});

it("reads a folder again only when someone else changed it", () => {
  let [changed, reads]: [bigint | undefined, number] = [undefined, 0];
  const ids = new KnownIds(() => changed);
  const look = () => [
    ...ids.in("document", "part", () => {
      reads++;
      return ["read"];
    }),
  ];
  expect([look(), reads]).toEqual([[], 0]); // there is no folder
  changed = 1n;
  expect([look(), look(), reads]).toEqual([["read"], ["read"], 1]);
  const written = { kind: "document", type: "part", id: randomUUID() } as const;
  ids.writing(written, () => void (changed = 2n));
  expect([look(), reads]).toEqual([["read", written.id], 1]);
  changed = 3n;
  expect([look(), reads]).toEqual([["read"], 2]);
  changed = 4n; // between looking and writing
  ids.writing(written, () => void (changed = 5n));
  expect([look(), reads]).toEqual([["read"], 3]);
});
