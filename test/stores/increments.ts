/**
 * Adds one to a document's number, so many times, by compare-and-swap. Arguments: URL of the store, times, `blindly` to write without it (the
 * control). Run by sqlite-processes.test.ts and faults/processes.test.ts.
 */
import { isAshlarError } from "../../src/errors.ts";
import { openStore } from "../../src/index.ts";
import { at, loaded, part } from "../../src/testing/store-subject.ts";

const [url = "", times, blindly] = process.argv.slice(2);
const store = await openStore(url, { create: true });
await store.save(part("counter", { data: { count: 0 } })).catch((error) => {
  if (!isAshlarError(error, "ERR_EXISTS")) throw error;
});
let lost = 0;
for (let done = 0; done < Number(times); ) {
  const { data, revision } = await loaded(store, "counter");
  const next = part("counter", { data: { count: Number(data.count) + 1 }, secrets: { "/token": Number(data.count) + 1 } });
  try {
    await store.save(next, blindly ? { overwrite: true } : { ifRevision: revision as number });
    done++;
  } catch (error) {
    if (!isAshlarError(error, "ERR_CONFLICT")) throw error;
    lost++;
  }
}
const { id } = await store.inspect(at("counter"));
await store.close();
process.stdout.write(JSON.stringify({ lost, id }));
