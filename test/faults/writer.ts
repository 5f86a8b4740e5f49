/**
 * Run by processes.test.ts: writes one document again and again, and says `N` on a line of its own once the N-th step is acknowledged, until it is
 * killed. Arguments: URL of the store, name of the document, the first step, `early` to say so before the step is done (the control).
 */
import { openStore } from "../../src/index.ts";
import { at } from "../../src/testing/store-subject.ts";
import { draftOf, isAbsent } from "./steps.ts";

const [url = "", name = "", first, early] = process.argv.slice(2);
const store = await openStore(url);
/** Waits until it is out of this process: what only waits to be written dies with it. */
const say = (text: string | number) => new Promise((done) => process.stdout.write(`${text}\n`, done));

await say("ready");
for (let step = Number(first); ; step++) {
  if (early) await say(step);
  if (isAbsent(step)) await store.delete(at(name));
  else await store.save(draftOf(name, step), { overwrite: true });
  if (!early) await say(step);
}
