/**
 * Run by sqlite-faults.test.ts where space is short: saves until it is refused, then looks at what is there, makes room and saves again. Arguments:
 * path of the store, path of a file to delete for room (none: no room is made). Prints what came of it as JSON.
 */
import { rmSync } from "node:fs";
import { isAshlarError, openStore } from "../../src/index.ts";
import { draftOf } from "./steps.ts";

const [path, filler] = process.argv.slice(2);
const store = await openStore(`sqlite:${path}`);
let saved = 0;
let error: { code: string; message: string } | undefined;
while (!error && saved < 2000) {
  try {
    await store.save(draftOf(`doc-${saved + 1}`, (saved + 1) * 3)); // long ones
    saved++;
  } catch (thrown) {
    error = isAshlarError(thrown) ? { code: thrown.code, message: thrown.message } : { code: "none of ours", message: String(thrown) };
  }
}
const listed = (await store.list({ limit: 5000 })).length;
let after = "not tried";
if (filler) {
  rmSync(filler);
  after = await store.save(draftOf("after", 3)).then(
    () => "saved",
    (thrown: unknown) => String(thrown),
  );
}
await store.close();
process.stdout.write(JSON.stringify({ saved, error, listed, after }));
